package client

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// maxLiveLine bounds one line of the live view; a message is some hundred bytes.
const maxLiveLine = 64 << 10

// Live calls each with every message of the live view until ctx ends (then it gives nil), the server closes the connection or each
// fails. A reader that was cut off reconnects and asks again for what it shows.
func (o *Operator) Live(ctx context.Context, each func(apiv1.LiveMessage) error) error {
	resp, err := o.open(ctx, http.MethodGet, "/api/v1/live", nil, "", nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	err = readLive(resp.Body, each)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	return fault.New(fault.Unavailable, "%s closed the live view", o.base)
}

// readLive reads server-sent events: their data lines, joined, are the messages; comments and everything else are skipped.
func readLive(r io.Reader, each func(apiv1.LiveMessage) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLiveLine)
	var data strings.Builder
	for lines.Scan() {
		line := lines.Text()
		if value, ok := strings.CutPrefix(line, "data:"); ok {
			if data.Len()+len(value) > maxLiveLine {
				return fault.New(fault.TooLarge, "a live message is larger than %d bytes", maxLiveLine)
			}
			data.WriteString(strings.TrimPrefix(value, " "))
			data.WriteByte('\n')
			continue
		}
		if line != "" || data.Len() == 0 {
			continue
		}
		var m apiv1.LiveMessage
		if err := json.Unmarshal([]byte(data.String()), &m); err != nil {
			return fault.Wrap(err, fault.Unavailable, "a live message is not JSON")
		}
		data.Reset()
		if err := each(m); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the live view was cut off")
	}
	return nil
}
