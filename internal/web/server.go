package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"tidings/internal/campaign"
)

// Config is what the server knows from its start on.
type Config struct {
	Log *slog.Logger
	Now func() time.Time

	Workspace     campaign.Workspace // names the shop, its locales and topics
	WriteKeys     []string           // accepted as user name of /v1; none: every call is refused
	AdminPassword string             // for the report; empty: this machine only
	Proxies       []netip.Prefix     // whose X-Forwarded-For is believed
	Refresh       time.Duration      // the report reloads itself; 0: it does not
	MaxTickAge    time.Duration      // an older last tick is not ready; 0: it is only told
	DrainTime     time.Duration      // for requests under way at the end; 0: 10 s
}

// Backend is what answers need behind them. Every field but Inbox and
// Hooks is required.
type Backend struct {
	Tokens        Tokens
	Intake        Intake
	Tracker       Tracker
	Subscriptions Subscriptions
	Preferences   Preferences
	Confirmations Confirmations
	Links         Links
	Reporter      Reporter
	Health        Health
	Inbox         http.Handler // the built-in inbox, below /inbox/; nil: there is none
	Hooks         http.Handler // providers' webhooks, below /hooks/; nil: there are none
}

// Server serves Tidings over HTTP. It can listen before there is a database:
// until Open it answers /healthz with 200 and everything else with 503, which
// is what a platform's port check and its router expect of a process that is
// still migrating.
type Server struct {
	Config
	pages    *template.Template
	brand    brand
	words    map[string]words
	routes   atomic.Pointer[http.Handler]
	draining atomic.Bool
}

// The limits of a connection. A request has its body within readTimeout; the
// slowest answer, the report, has writeTimeout.
const (
	headerTimeout    = 5 * time.Second
	readTimeout      = 30 * time.Second
	writeTimeout     = 60 * time.Second
	idleTimeout      = 120 * time.Second
	maxHeaderBytes   = 32 << 10
	defaultDrainTime = 10 * time.Second
)

// NewServer makes a server that is not open yet.
func NewServer(c Config) (*Server, error) {
	if c.Log == nil || c.Now == nil {
		return nil, errors.New("make web server: a logger and a clock are required")
	}
	if c.DrainTime == 0 {
		c.DrainTime = defaultDrainTime
	}
	b := brandOf(c.Workspace.Brand)
	pages, err := parsePages(b)
	if err != nil {
		return nil, fmt.Errorf("make web server: %w", err)
	}
	said, err := readWords()
	if err != nil {
		return nil, fmt.Errorf("make web server: %w", err)
	}
	return &Server{Config: c, pages: pages, brand: b, words: said}, nil
}

// Open gives the server what it needs to answer.
func (s *Server) Open(b Backend) error {
	if b.Tokens == nil || b.Intake == nil || b.Tracker == nil || b.Subscriptions == nil || b.Preferences == nil || b.Confirmations == nil || b.Links == nil || b.Reporter == nil || b.Health == nil {
		return errors.New("open web server: a part of its backend is missing")
	}
	h := s.handlers(b)
	s.routes.Store(&h)
	return nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := s.routes.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/healthz" {
		alive(w, r)
		return
	}
	w.Header().Set("Retry-After", "5")
	plain(w, http.StatusServiceUnavailable, "starting; try again in a few seconds")
}

// Run serves ln until ctx ends, then stops taking connections, lets the
// requests under way finish for at most DrainTime and closes what is left.
// /readyz says 503 meanwhile. Run owns ln; nil means that all went well.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          errorLog(s.Log),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve http: %w", err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.DrainTime)
	defer cancel()
	err := srv.Shutdown(grace)
	if err != nil {
		err = errors.Join(fmt.Errorf("drain http: %w", err), srv.Close())
	}
	<-served
	return err
}
