package pkgmgr

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Command is a read-only program of a package manager. There is no shell: Args reach it as they are.
type Command struct {
	Name    string
	Args    []string
	Env     []string      // besides Environment
	Dir     string        // where it runs; empty means /
	Timeout time.Duration // its whole process group is killed then; zero means a minute
	Limit   int           // bytes kept of standard output; zero means 16 MiB
	Grew    func()        // called whenever it writes something; may be nil
}

// Output is what a program said.
type Output struct {
	Stdout, Stderr []byte
	Code           int
}

// maxStderr is kept of standard error: enough for every warning apt has, not for a flood.
const maxStderr = 64 << 10

// Environment is the environment of every program we run: a fixed language, a fixed path, and the proxies the service was given.
func Environment() []string {
	env := []string{"LC_ALL=C.UTF-8", "PATH=" + strings.Join(programs(), ":"), "HOME=/", "DEBIAN_FRONTEND=noninteractive"}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// programs are the folders of the system's own programs.
func programs() []string { return []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} }

// found is the program of a name, in those folders alone: the PATH of whoever calls us, perhaps root by way of somebody else's shell, may
// lead to anything. A name with a slash is a file already.
func found(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range append(programs(), "/snap/bin") { // where canonical-livepatch is
		at := dir + "/" + name
		if info, err := os.Stat(at); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return at, nil
		}
	}
	return "", &exec.Error{Name: name, Err: exec.ErrNotFound}
}

// Run runs a command to its end and gives its output and exit code; a code other than 0 is no error. Errors are: it could not be
// started, it was killed by the deadline or by ctx, or it wrote more than the limit.
func Run(ctx context.Context, c Command) (Output, error) {
	if c.Limit == 0 {
		c.Limit = 16 << 20
	}
	stdout, stderr := &bounded{limit: c.Limit, grew: c.Grew}, &bounded{limit: maxStderr, grew: c.Grew}
	code, err := run(ctx, c, stdout, stderr)
	out := Output{Stdout: stdout.buf.Bytes(), Stderr: stderr.buf.Bytes(), Code: code}
	if err == nil && stdout.over {
		err = fmt.Errorf("%s wrote more than %d bytes", c.Name, c.Limit)
	}
	return out, err
}

// Stream runs a command and hands its standard output to read as it comes. When read returns early the program is killed.
func Stream(ctx context.Context, c Command, read func(io.Reader) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := read(pr)
		_ = pr.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // a writer that still writes is told to stop
		cancel()
		done <- err
	}()
	stderr := &bounded{limit: maxStderr}
	code, err := run(ctx, c, pw, stderr)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s ended with code %d: %s", c.Name, code, bytes.TrimSpace(stderr.buf.Bytes()))
	}
	_ = pw.CloseWithError(err) // nil is io.EOF: the reader then ends without error
	if readErr := <-done; readErr != nil {
		return readErr
	}
	if errors.Is(err, context.Canceled) {
		return nil // the reader had enough
	}
	return err
}

func run(ctx context.Context, c Command, stdout, stderr io.Writer) (code int, err error) {
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	program, err := found(c.Name)
	if err != nil {
		return 0, err
	}
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	cmd := exec.CommandContext(limited, program, c.Args...)
	cmd.Env = append(Environment(), c.Env...)
	cmd.Dir = cmp.Or(c.Dir, "/")
	cmd.Stdout, cmd.Stderr = stdout, stderr // Stdin nil is /dev/null
	cmd.WaitDelay = 5 * time.Second         // a grandchild that holds the pipe does not hold us
	ownGroup(cmd)
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case limited.Err() != nil:
		return 0, fmt.Errorf("%s was stopped after %s", c.Name, c.Timeout)
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	}
	return 0, err
}

// bounded keeps the first limit bytes and counts on.
type bounded struct {
	buf   bytes.Buffer
	limit int
	over  bool
	grew  func()
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.grew != nil {
		b.grew()
	}
	room := b.limit - b.buf.Len()
	if len(p) > room {
		b.over = true
		b.buf.Write(p[:room])
		return len(p), nil
	}
	return b.buf.Write(p)
}
