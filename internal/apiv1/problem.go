package apiv1

// ProblemPrefix begins the type of every problem the server answers with (RFC 9457, application/problem+json); what follows is a
// fault kind, as not_found, or one of the words below. Clients decide by type, never by detail.
const ProblemPrefix = "urn:staunch:problem/"

// Problem types that a client acts on.
const (
	ProblemPending    = ProblemPrefix + "pending"     // this host awaits approval: try again later
	ProblemExpired    = ProblemPrefix + "expired"     // this certificate or token expired: renew it
	ProblemMustChange = ProblemPrefix + "must_change" // the password must be changed first
)

// Problem is an error answer. Errors names the fields that did not pass validation.
type Problem struct {
	Type   string         `json:"type"`
	Title  string         `json:"title"`
	Status int            `json:"status"`
	Detail string         `json:"detail"`
	Errors []ProblemField `json:"errors,omitempty"`
}

// ProblemField is one field that did not pass validation. Values are never repeated: they may be secrets.
type ProblemField struct {
	Message  string `json:"message"`
	Location string `json:"location"`
}

// LoginToken asks for an API token with a name and a password, as staunch login does. An account whose password must be changed
// is refused unless NewPassword changes it in the same call.
type LoginToken struct {
	Username    string `json:"username" minLength:"1" maxLength:"128"`
	Password    string `json:"password" minLength:"1" maxLength:"1024"`
	NewPassword string `json:"new_password,omitempty" maxLength:"1024"`
	Name        string `json:"name" minLength:"1" maxLength:"128" doc:"What the token is for, as cli on laptop"`
	TTL         string `json:"ttl,omitempty" maxLength:"32" doc:"Go duration; default 2160h (90 days)"`
}
