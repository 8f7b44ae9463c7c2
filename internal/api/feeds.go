package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/feed"
)

// Bounds of what is uploaded; it is streamed. The largest archive of the official sources is some hundreds of megabytes.
const (
	maxImport = 1 << 30
	maxFolder = 4 << 30
)

// feedsTime is for what reads or writes every record that there is.
const feedsTime = 30 * time.Minute

type importInput struct {
	Name  string `query:"name" required:"true" minLength:"1" maxLength:"128" doc:"As osv/Debian or kev"`
	Force bool   `query:"force" doc:"Take the file in although it holds less than half of what the feed had, or nothing"`
	body  io.Reader
}

type importFolderInput struct{ body io.Reader }

// Resolve takes the body as a stream.
func (in *importFolderInput) Resolve(ctx huma.Context) []error {
	in.body = ctx.BodyReader()
	return nil
}

type exportFeedsInput struct {
	Releases []string `query:"release,explode" maxItems:"1000" doc:"As Debian:12, or PyPI, which has no releases; none: everything"`
}

type exportFeedsOutput struct {
	ContentType   string `header:"Content-Type"`
	ContentLength int64  `header:"Content-Length"`
	Signer        string `header:"Staunch-Signer" doc:"The public key that the importing server must trust, as one line of authorized_keys"`
	Body          func(huma.Context)
}

type importBundleInput struct {
	Trust string `query:"trust" maxLength:"2000" doc:"A public key in OpenSSH's format that is trusted for this import, beside the server's own and those of bundle_signers"`
	Force bool   `query:"force" doc:"Take in feeds that are older than what is here, suddenly much smaller, or of fewer releases"`
	body  io.Reader
}

// Resolve takes the body as a stream.
func (in *importBundleInput) Resolve(ctx huma.Context) []error {
	in.body = ctx.BodyReader()
	return nil
}

// Resolve takes the body as a stream: huma would read it into memory.
func (in *importInput) Resolve(ctx huma.Context) []error {
	in.body = ctx.BodyReader()
	return nil
}

func (a *API) feedOperations(api huma.API) {
	register(api, operation("list-feeds", http.MethodGet, "/api/v1/feeds", tagFeeds, needViewer, "Feeds: what each last gave, and how old that is"), func(ctx context.Context, _ *struct{}) (*answer[apiv1.FeedList], error) {
		return reply(a.Feed.List(ctx))
	})
	register(api, operation("feed-work", http.MethodGet, "/api/v1/feeds/work", tagFeeds, needViewer, "What the server does with feeds now: for whoever waits for an import or an export"), func(context.Context, *struct{}) (*answer[apiv1.FeedWork], error) {
		return reply(a.Feed.Work(), nil)
	})
	register(api, operation("update-feeds", http.MethodPost, "/api/v1/feeds/update", tagFeeds, needAdmin, "Fetch feeds now, in the background",
		status(http.StatusAccepted)), func(ctx context.Context, in *struct{ Body apiv1.UpdateFeeds }) (*struct{}, error) {
		return nil, a.Feed.Request(ctx, in.Body.Names)
	})
	register(api, operation("import-feed", http.MethodPost, "/api/v1/feeds/import", tagFeeds, needAdmin, "Give a feed its data from a file, as without a network",
		lasting(15*time.Minute), stream("The file as the feed's source has it: an OSV archive or a KEV catalogue", maxImport, "application/octet-stream"),
		errorsToo(http.StatusRequestEntityTooLarge)), func(ctx context.Context, in *importInput) (*answer[apiv1.FeedStatus], error) {
		return reply(a.Feed.ImportFile(ctx, in.Name, in.body, in.Force))
	})
	register(api, operation("import-feeds", http.MethodPost, "/api/v1/feeds/import-folder", tagFeeds, needAdmin, "Give feeds their data from a folder laid out like a mirror, sent as a tar",
		about("Each feed in it is taken in whole or refused whole; error says why."),
		lasting(feedsTime), stream("A tar, plain or packed, with osv/NAME/all.zip, kev/… and so on", maxFolder, "application/x-tar"),
		errorsToo(http.StatusRequestEntityTooLarge, http.StatusNotFound)), func(ctx context.Context, in *importFolderInput) (*answer[apiv1.FeedList], error) {
		items, err := a.Feed.ImportArchive(ctx, in.body)
		return reply(apiv1.FeedList{Items: items, NotAssessed: []apiv1.ReleaseGap{}}, err)
	})
	a.bundleOperations(api)
}

func (a *API) bundleOperations(api huma.API) {
	op := operation("export-feeds", http.MethodGet, "/api/v1/feeds/bundle", tagFeeds, needAdmin, "One signed file with what is known of releases, for a server without a network",
		lasting(feedsTime), errorsToo(http.StatusNotFound))
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A bundle",
		Content:     map[string]*huma.MediaType{apiv1.ContentBundle: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
	register(api, op, func(ctx context.Context, in *exportFeedsInput) (*exportFeedsOutput, error) {
		b, err := a.Feed.Export(ctx, in.Releases)
		if err != nil {
			return nil, err
		}
		return &exportFeedsOutput{ContentType: apiv1.ContentBundle, ContentLength: b.Size, Signer: b.Signer, Body: func(hctx huma.Context) {
			defer b.Close()                      //nolint:errcheck // a temporary file
			_, _ = io.Copy(hctx.BodyWriter(), b) // a reader that has gone sees fewer bytes than the header says
		}}, nil
	})
	register(api, operation("import-bundle", http.MethodPost, "/api/v1/feeds/bundle", tagFeeds, needAdmin, "Take in a bundle that another server exported",
		about("Its signature must be of a key that is trusted. Then each feed is taken in whole or refused whole; error says why. Feeds keep the age that they had where they come from."),
		lasting(feedsTime), stream("The bundle", maxImport, apiv1.ContentBundle),
		errorsToo(http.StatusRequestEntityTooLarge)), func(ctx context.Context, in *importBundleInput) (*answer[apiv1.BundleImport], error) {
		return reply(a.Feed.ImportBundle(ctx, in.body, feed.BundleOptions{Trust: in.Trust, Force: in.Force}))
	})
}
