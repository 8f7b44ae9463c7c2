package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// maxImport bounds an uploaded feed. The largest archive of the official bucket is some hundreds of megabytes; it is streamed.
const maxImport = 1 << 30

type importInput struct {
	Name string `query:"name" required:"true" minLength:"1" maxLength:"128" doc:"As osv/Debian or kev"`
	body io.Reader
}

// Resolve takes the body as a stream: huma would read it into memory.
func (in *importInput) Resolve(ctx huma.Context) []error {
	in.body = ctx.BodyReader()
	return nil
}

func (a *API) feedOperations(api huma.API) {
	register(api, operation("list-feeds", http.MethodGet, "/api/v1/feeds", tagFeeds, needViewer, "Feeds: what each last gave, and how old that is"), func(ctx context.Context, _ *struct{}) (*answer[apiv1.FeedList], error) {
		items, err := a.Feed.Status(ctx)
		if items == nil {
			items = []apiv1.FeedStatus{}
		}
		return reply(apiv1.FeedList{Items: items}, err)
	})
	register(api, operation("update-feeds", http.MethodPost, "/api/v1/feeds/update", tagFeeds, needAdmin, "Fetch feeds now, in the background",
		status(http.StatusAccepted)), func(ctx context.Context, in *struct{ Body apiv1.UpdateFeeds }) (*struct{}, error) {
		return nil, a.Feed.Request(ctx, in.Body.Names)
	})
	register(api, operation("import-feed", http.MethodPost, "/api/v1/feeds/import", tagFeeds, needAdmin, "Give a feed its data from a file, as without a network",
		lasting(15*time.Minute), stream("The file as the feed's source has it: an OSV archive or a KEV catalogue", maxImport, "application/octet-stream"),
		errorsToo(http.StatusRequestEntityTooLarge)), func(ctx context.Context, in *importInput) (*answer[apiv1.FeedStatus], error) {
		return reply(a.Feed.ImportFile(ctx, in.Name, in.body))
	})
}
