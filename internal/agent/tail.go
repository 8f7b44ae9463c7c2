package agent

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// What the server takes: a report that is not so would be refused for ever, and everything behind it with it.
var (
	stepNames  = []string{"accept", "recover", "download", "stage", "simulate", "apply", "marks", "restart", "reboot", "verify"}
	stepStates = []string{"started", "done", "failed", "skipped"}
	results    = []string{"succeeded", "failed", "plan_stale", "refused"}
)

// readReports reads whole lines of the root half's reports from r, which begins at offset from, until there is none or size bytes were
// taken. A line that is not finished stays for the next time. Each becomes one entry, also what cannot be read: that is said then.
func readReports(r io.Reader, from int64, size int) ([]entry, error) {
	lines := bufio.NewReaderSize(r, 64<<10)
	var out []entry
	for end := from + int64(size); from < end; {
		line, length, err := readLine(lines, maxEntry)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return out, err
		}
		from += length
		e := entry{From: from}
		if json.Unmarshal(line, &e.Report) != nil || !presentable(&e.Report) {
			e.Report = apiv1.RunReport{Lines: []string{"(a report of the root half could not be read)"}}
		}
		if out = append(out, e); e.Report.Outcome != nil {
			break
		}
	}
	return out, nil
}

// presentable checks a report of the root half, and brings it into the bounds of the wire. False: it is none.
func presentable(r *apiv1.RunReport) bool {
	if s := r.Step; s != nil && (!slices.Contains(stepNames, s.Name) || !slices.Contains(stepStates, s.State)) {
		return false
	}
	r.Lines = r.Lines[:min(len(r.Lines), mostLines)]
	if o := r.Outcome; o != nil {
		if !slices.Contains(results, o.Result) {
			return false
		}
		bound(o)
	}
	return true
}

// bound gives an outcome empty lists for those that it lacks, and cuts what is longer than the wire takes.
func bound(o *apiv1.RunOutcome) {
	o.Class, o.Reason = clip(o.Class, 64), clip(o.Reason, 4000)
	for list, most := range map[*[]apiv1.PackageState]int{&o.Installed: 20_000, &o.Broken: 10_000} {
		*list = append([]apiv1.PackageState{}, (*list)[:min(len(*list), most)]...)
		for i, p := range *list {
			(*list)[i].Name, (*list)[i].Arch, (*list)[i].State = clip(p.Name, 256), clip(p.Arch, 32), clip(p.State, 64)
		}
	}
	for list, most := range map[*[]string]int{&o.Restarted: 1000, &o.Stale: 1000, &o.Conffiles: 1000, &o.Reboot.Packages: 10_000, &o.Reboot.Reasons: 100} {
		*list = append([]string{}, (*list)[:min(len(*list), most)]...)
	}
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
