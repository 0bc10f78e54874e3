package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Shop is the way in: calls of the shop and requests of its customers, over HTTP
// to one address of this machine.
type Shop struct {
	base, key string
	client    *http.Client
}

// maxItems is how many items a batch has at most; they are far below the bytes
// that a call may hold.
const maxItems = 200

// NewShop calls the server at addr (127.0.0.1:8080), under whatever name links
// have it, and no other, with the write key.
func NewShop(addr, key string) *Shop {
	var dial net.Dialer
	return &Shop{base: "http://" + addr, key: key, client: &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dial.DialContext(ctx, network, addr)
			},
			MaxIdleConnsPerHost: 4,
		},
		// Where a link leads is the shop's site, which this one does not have.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close ends the connections.
func (s *Shop) Close() { s.client.CloseIdleConnections() }

// send makes the calls, as batches.
func (s *Shop) send(ctx context.Context, calls []Call) error {
	for len(calls) > 0 {
		n := min(len(calls), maxItems)
		body, err := json.Marshal(map[string]any{"batch": calls[:n]})
		if err != nil {
			return fmt.Errorf("encode batch: %w", err)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/v1/batch", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.SetBasicAuth(s.key, "")
		req.Header.Set("Content-Type", "application/json")
		if err := s.do(req, http.StatusOK); err != nil {
			return err
		}
		calls = calls[n:]
	}
	return nil
}

// react makes the request of a reader.
func (s *Shop) react(ctx context.Context, r Reaction) error {
	body, want := "", http.StatusOK
	switch r.Deed {
	case Clicks:
		want = http.StatusFound
	case Leaves:
		body = "List-Unsubscribe=One-Click"
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("User-Agent", r.Agent)
	return s.do(req, want)
}

// do says of an answer that is not the wanted one what it was, without the path:
// paths hold tokens.
func (s *Shop) do(req *http.Request, want int) error {
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if res.StatusCode != want {
		return fmt.Errorf("%s answered %s, not %d: %s", req.Method, res.Status, want, strings.TrimSpace(string(text[:min(len(text), 300)])))
	}
	return nil
}
