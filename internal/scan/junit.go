package scan

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`
	Output    string      `xml:"system-out,omitempty"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// junit writes a scan for what shows test results: a suite for each source package, a failed case for each finding. A scan without
// findings is one case that passes, and one that could not be assessed is an error: an empty list would be read as success.
func junit(w io.Writer, s *session) error {
	all := junitSuites{Name: "staunch scan"}
	at := map[[3]string]int{}
	suite := func(k [3]string, name string) *junitSuite {
		i, ok := at[k]
		if !ok {
			i = len(all.Suites)
			at[k] = i
			all.Suites = append(all.Suites, junitSuite{Name: name, Timestamp: s.now.UTC().Format("2006-01-02T15:04:05")})
		}
		return &all.Suites[i]
	}
	for _, f := range s.out.Findings {
		one := suite([3]string{f.Ecosystem, f.Source, f.Installed}, visible(f.Source+" "+f.Installed))
		one.Tests++
		one.Failures++
		one.Cases = append(one.Cases, junitCaseOf(f))
	}
	if len(s.out.Findings) == 0 {
		one := suite([3]string{}, visible(or(s.out.Ecosystem, s.out.Root)))
		one.Tests = 1
		c := junitCase{Name: "no known vulnerability", Class: "staunch"}
		if s.out.Assessment.Status != assessed {
			one.Errors, all.Errors = 1, 1
			c.Error = &junitMessage{Message: visible("not assessed: " + s.out.Assessment.Reason), Type: "not assessed"}
		}
		one.Cases = append(one.Cases, c)
	}
	for i := range all.Suites {
		all.Tests += all.Suites[i].Tests
		all.Failures += all.Suites[i].Failures
	}
	for _, warning := range s.out.Warnings {
		all.Suites[0].Output += "warning: " + visible(warning) + "\n"
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitCaseOf(f apiv1.Finding) junitCase {
	message := fmt.Sprintf("%s in %s %s: %s", f.Vulnerability, f.Package, f.Installed, f.Status)
	if f.Fixed != "" {
		message += ", fixed in " + f.Fixed
	}
	return junitCase{
		Name: visible(f.Vulnerability), Class: visible(f.Ecosystem + "." + f.Source),
		Failure: &junitMessage{Message: visible(message), Type: f.Priority, Text: visible(f.Explanation)},
	}
}
