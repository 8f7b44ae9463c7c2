package api

import (
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// need is what an operation asks of its caller. Every operation says so where it is registered; a test compares all of them to a table.
type need string

const (
	needNothing  need = "nothing"  // anyone: signing in
	needAccount  need = "account"  // signed in, even with a password that must be changed first
	needViewer   need = "viewer"   // reads
	needOperator need = "operator" // enrolls, approves, refreshes
	needAdmin    need = "admin"    // feeds and everything else
	needToken    need = "token"    // agent: the enroll-token in the body
	needCert     need = "cert"     // agent: a certificate of ours that may have expired: renewal only
	needHost     need = "host"     // agent: a valid certificate of an approved host
)

// Limits of requests that are not streams. Large enough for every real one, small enough to hold in memory many times over.
const (
	maxBody        = 1 << 20
	requestTimeout = 30 * time.Second
)

// arraysNotNull sets huma's only switch for it, which is global: our arrays are never null, in neither direction.
var arraysNotNull = sync.OnceFunc(func() { huma.DefaultArrayNullable = false })

// newHuma makes an API on mux that writes its operations into doc.
func newHuma(mux *http.ServeMux, doc *huma.OpenAPI, transform huma.Transformer) huma.API {
	arraysNotNull()
	config := huma.DefaultConfig("", "")
	config.OpenAPI = doc
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil // the only default hook adds $schema links: noise in every answer
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{transform}
	return humago.New(mux, config)
}

func newDocument() *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:       "Staunch",
			Version:     "1",
			Description: "Keep a fleet of servers patched. Errors are RFC 9457 problems; decide by their type, never by their detail.",
			License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Tags: []*huma.Tag{
			{Name: tagSession, Description: "Who is calling"},
			{Name: tagFleet, Description: "Hosts and how they are let in"},
			{Name: tagAssess, Description: "What is wrong, and where"},
			{Name: tagPatch, Description: "Plans, rollouts and runs"},
			{Name: tagFeeds, Description: "Where knowledge about packages comes from"},
			{Name: tagEvents, Description: "What happened, and what is happening"},
			{Name: tagAgent, Description: "The agent channel: HTTP/1.1 over TLS with the protocol staunch-agent/1 and a client certificate"},
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"session": {Type: "apiKey", In: "cookie", Name: CookieName, Description: "Console session"},
				"bearer":  {Type: "http", Scheme: "bearer", Description: "API token, stk_…"},
				"host":    {Type: "mutualTLS", Description: "Host certificate of the server's own CA"},
			},
		},
	}
}

// Tags of operations.
const (
	tagSession = "session"
	tagFleet   = "fleet"
	tagAssess  = "assess"
	tagPatch   = "patch"
	tagFeeds   = "feeds"
	tagEvents  = "events"
	tagAgent   = "agent"
)

// Spec is the OpenAPI 3.1 document, as YAML. It needs no running server.
func Spec() ([]byte, error) {
	return New(Deps{}).doc.YAML()
}

// operation describes one operation. Its id is fixed: clients are generated from it.
func operation(id, method, path, tag string, n need, summary string, change ...func(*huma.Operation)) huma.Operation {
	op := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag},
		Metadata:     map[string]any{metaNeed: n, metaTimeout: requestTimeout},
		MaxBodyBytes: maxBody,
		Errors:       []int{http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError},
	}
	switch n {
	case needNothing, needToken:
	case needCert, needHost:
		op.Security = []map[string][]string{{"host": {}}}
	default:
		op.Security = []map[string][]string{{"session": {}}, {"bearer": {}}}
	}
	if n != needNothing {
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	for _, c := range change {
		c(&op)
	}
	return op
}

const (
	metaNeed    = "need"
	metaTimeout = "timeout"
)

// status sets the status of success.
func status(code int) func(*huma.Operation) {
	return func(op *huma.Operation) { op.DefaultStatus = code }
}

// errorsToo adds statuses of failure that callers should expect.
func errorsToo(codes ...int) func(*huma.Operation) {
	return func(op *huma.Operation) { op.Errors = append(op.Errors, codes...) }
}

// tooLarge is for what may need more memory than the server has: the past, and reports.
func tooLarge(op *huma.Operation) { op.Errors = append(op.Errors, http.StatusInsufficientStorage) }

// upTo bounds the body of an operation that takes more than the others.
func upTo(bytes int64) func(*huma.Operation) {
	return func(op *huma.Operation) { op.MaxBodyBytes = bytes }
}

// about adds what the summary has no room for.
func about(text string) func(*huma.Operation) {
	return func(op *huma.Operation) { op.Description = text }
}

// lasting gives an operation another time limit; 0 means that it ends by itself.
func lasting(d time.Duration) func(*huma.Operation) {
	return func(op *huma.Operation) { op.Metadata[metaTimeout] = d }
}

// stream documents a request body that the handler reads itself.
func stream(description string, limit int64, contentTypes ...string) func(*huma.Operation) {
	return func(op *huma.Operation) {
		op.MaxBodyBytes = limit
		op.RequestBody = &huma.RequestBody{Description: description, Required: true, Content: map[string]*huma.MediaType{}}
		for _, ct := range contentTypes {
			op.RequestBody.Content[ct] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
		}
	}
}
