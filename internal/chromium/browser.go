package chromium

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
)

// Browser is a running Chromium.
type Browser struct {
	wire    *wire
	process *exec.Cmd
	server  *httptest.Server
	profile string
}

// Start runs the Chromium at path. Whatever a page asks for over https comes from
// world; only 127.0.0.1 is itself.
func Start(path string, world http.Handler) (_ *Browser, err error) {
	b := &Browser{server: httptest.NewUnstartedServer(world)}
	b.server.Config.ErrorLog = log.New(io.Discard, "", 0) // plain http, which is not served
	b.server.StartTLS()
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	if b.profile, err = os.MkdirTemp("", "chromium"); err != nil {
		return nil, err
	}
	commands, send, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	receive, answers, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, commands.Close(), send.Close())
	}
	host := strings.TrimPrefix(b.server.URL, "https://")
	b.process = exec.Command(path,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--hide-scrollbars", "--force-color-profile=srgb", "--font-render-hinting=none", "--lang=en",
		"--host-resolver-rules=MAP * "+host+", EXCLUDE 127.0.0.1", "--ignore-certificate-errors", "--no-proxy-server",
		"--user-data-dir="+b.profile, "--remote-debugging-pipe", "about:blank")
	b.process.ExtraFiles = []*os.File{commands, answers} // 3 and 4, as the flag wants them
	var said bytes.Buffer
	b.process.Stderr = &said
	b.wire = newWire(send, receive)
	err = b.process.Start()
	err = errors.Join(err, commands.Close(), answers.Close())
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	if err := b.wire.call(context.Background(), "", "Browser.getVersion", nil, nil); err != nil {
		return nil, fmt.Errorf("start %s: %w\n%s", path, err, said.Bytes())
	}
	return b, nil
}

// Close ends the browser and removes what it has written.
func (b *Browser) Close() {
	if b.wire != nil {
		b.wire.close()
	}
	if b.process != nil && b.process.Process != nil {
		_ = b.process.Process.Kill()
		_ = b.process.Wait()
	}
	b.server.Close()
	if b.profile != "" {
		_ = os.RemoveAll(b.profile)
	}
}
