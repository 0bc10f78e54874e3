package hook

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Fetcher makes the requests that SNS asks for. An *http.Client does.
type Fetcher interface {
	Do(r *http.Request) (*http.Response, error)
}

// NewFetcher is a client that keeps to the address it is given: it follows no
// redirect, and waits for no one.
func NewFetcher() *http.Client {
	return &http.Client{
		Timeout:       fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

const (
	fetchTimeout = 10 * time.Second
	maxFetched   = 64 << 10
	maxCerts     = 16
	// SNS changes its certificate once in months. More fetches than these within a
	// minute are somebody else's idea.
	maxFetches = 10
)

// fetch gets what an address holds.
func fetch(ctx context.Context, by Fetcher, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	answer, err := by.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.URL.Host, withoutURL(err))
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d", r.URL.Host, answer.StatusCode)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxFetched))
}

// withoutURL is an error of a request: what stands behind the host is not for the log.
func withoutURL(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// certificates keeps certificates by their address, which is another for each.
type certificates struct {
	fetch Fetcher

	mu   sync.Mutex // of kept
	kept map[string]*x509.Certificate

	one     sync.Mutex // of a fetch: what is kept answers meanwhile
	minute  time.Time
	fetches int
}

// key is the public key of the certificate at an address that is to be trusted.
func (c *certificates) key(ctx context.Context, address string, now time.Time) (*rsa.PublicKey, error) {
	cert := c.have(address)
	if cert == nil {
		var err error
		if cert, err = c.get(ctx, address, now); err != nil {
			return nil, err
		}
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < 2048 || now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, errUnsigned
	}
	return key, nil
}

func (c *certificates) have(address string) *x509.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept[address]
}

// get fetches a certificate and keeps it.
func (c *certificates) get(ctx context.Context, address string, now time.Time) (*x509.Certificate, error) {
	c.one.Lock()
	defer c.one.Unlock()
	if cert := c.have(address); cert != nil {
		return cert, nil
	}
	if now.Sub(c.minute) >= time.Minute || now.Before(c.minute) {
		c.minute, c.fetches = now, 0
	}
	if c.fetches++; c.fetches > maxFetches {
		return nil, errors.New("too many certificates are asked for within a minute")
	}
	raw, err := fetch(ctx, c.fetch, address)
	if err != nil {
		return nil, fmt.Errorf("fetch the certificate: %w", err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errUnsigned
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errUnsigned
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) >= maxCerts || c.kept == nil {
		c.kept = map[string]*x509.Certificate{}
	}
	c.kept[address] = cert
	return cert, nil
}
