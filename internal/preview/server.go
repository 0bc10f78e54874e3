package preview

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"tidings/internal/campaign"
)

//go:embed pages
var pageFiles embed.FS

// ServerOptions set up a Server.
type ServerOptions struct {
	Files fs.FS         // of the workspace, watched
	Load  func() Loaded // called again whenever they have changed
	// Send hands a test over to the mail server; nil: there is none.
	Send func(ctx context.Context, e campaign.Email) error
	// Ticks say when to look for changes; nil: twice a second.
	Ticks <-chan time.Time
	Now   func() time.Time
}

// Server shows the mails of a workspace in a browser. It guards nothing but against
// other pages of the same browser: whoever reaches it reads customers' mails.
type Server struct {
	o         ServerOptions
	workspace *workspace
	pages     *template.Template
	token     string // in forms: other sites don't know it
}

// NewServer makes a Server.
func NewServer(o ServerOptions) (*Server, error) {
	pages, err := template.New("").Funcs(template.FuncMap{"kb": kb}).ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse the preview's pages: %w", err)
	}
	return &Server{o: o, workspace: &workspace{files: o.Files, load: o.Load}, pages: pages, token: rand.Text()}, nil
}

// Handler serves the pages.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.show)
	mux.HandleFunc("GET /all", s.all)
	mux.HandleFunc("GET /mail.html", s.html)
	mux.HandleFunc("GET /mail.eml", s.eml)
	mux.HandleFunc("GET /changes", s.changes)
	mux.HandleFunc("POST /test", s.test)
	mux.HandleFunc("GET /sample/{picture}", picture)
	for name, kind := range map[string]string{"style.css": "text/css; charset=utf-8", "preview.js": "text/javascript; charset=utf-8"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			content, err := pageFiles.ReadFile("pages/" + name)
			if err != nil {
				http.NotFound(w, r)
				return
			}
			answer(w, http.StatusOK, kind, pagePolicy, content)
		})
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

// pagePolicy lets a page run its own script, frame its own mails and nothing else.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// mailPolicy makes a mail harmless: no script, no form, no way to the page around it;
// links open in a tab of their own.
const mailPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline'; font-src https: data:; frame-ancestors 'self'"

func answer(w http.ResponseWriter, status int, kind, policy string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (s *Server) render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "something went wrong here; reload the page", http.StatusInternalServerError)
		return
	}
	answer(w, status, "text/html; charset=utf-8", pagePolicy, b.Bytes())
}

func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	p := s.page(r.Context(), lookOf(r))
	if r.URL.Query().Get("told") == "sent" {
		p.Told = "The test is with the mail server."
	}
	s.render(w, http.StatusOK, "preview.html", p)
}

// chosenMail is the mail that a request is about; it answers itself when there is
// none.
func (s *Server) chosenMail(w http.ResponseWriter, r *http.Request) *Mail {
	v := s.workspace.current()
	if v.studio == nil {
		http.Error(w, "the workspace has errors; the preview's page lists them", http.StatusConflict)
		return nil
	}
	m, err := v.studio.Mail(r.Context(), lookOf(r).choice(v.studio))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return nil
	}
	return m
}

func (s *Server) html(w http.ResponseWriter, r *http.Request) {
	if m := s.chosenMail(w, r); m != nil {
		answer(w, http.StatusOK, "text/html; charset=utf-8", mailPolicy, []byte(framed(m.Shown, lookOf(r).Scheme == "dark")))
	}
}

func (s *Server) eml(w http.ResponseWriter, r *http.Request) {
	if m := s.chosenMail(w, r); m != nil {
		w.Header().Set("Content-Disposition", `attachment; filename="`+m.Step.ID+`.eml"`)
		answer(w, http.StatusOK, "message/rfc822", mailPolicy, m.Email.Body)
	}
}

// changes tells a page when to load anew (server-sent events), until it goes away.
func (s *Server) changes(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	seen, _ := strconv.Atoi(r.URL.Query().Get("seen"))
	ticks := s.o.Ticks
	if ticks == nil {
		t := time.NewTicker(500 * time.Millisecond)
		defer t.Stop()
		ticks = t.C
	}
	out := http.NewResponseController(w)
	fmt.Fprint(w, ": watching\n\n")
	for {
		if n := s.workspace.current().n; n != seen {
			seen = n
			fmt.Fprintf(w, "event: change\ndata: %d\n\n", n)
		}
		if out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticks:
		}
	}
}

// test sends the mail to an address of the team's. It never enters the ledger: no
// store is asked.
func (s *Server) test(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	if subtle.ConstantTimeCompare([]byte(r.PostForm.Get("token")), []byte(s.token)) != 1 {
		http.Error(w, "this form is of an earlier preview; go back, reload the page and send again", http.StatusForbidden)
		return
	}
	l := lookFrom(r.PostForm)
	if status, err := s.sendTest(r.Context(), l, strings.TrimSpace(r.PostForm.Get("address"))); err != nil {
		p := s.page(r.Context(), l)
		p.TestError, p.Address = err.Error(), r.PostForm.Get("address")
		s.render(w, status, "preview.html", p)
		return
	}
	http.Redirect(w, r, "/?"+string(l.query("told", "sent")), http.StatusSeeOther)
}

func (s *Server) sendTest(ctx context.Context, l look, address string) (status int, err error) {
	if s.o.Send == nil {
		return http.StatusConflict, errors.New("SMTP_URL is not set, so there is no mail server to send by. Set it to smtp://user:password@host:587 and start the preview again")
	}
	if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
		return http.StatusUnprocessableEntity, errors.New("this is not an email address; write name@domain")
	}
	v := s.workspace.current()
	if v.studio == nil {
		return http.StatusConflict, errors.New("the workspace has errors; put them right first")
	}
	e, err := v.studio.Test(ctx, l.choice(v.studio), address, strconv.FormatInt(s.o.Now().UnixNano(), 36))
	if err != nil {
		return http.StatusUnprocessableEntity, err
	}
	if err := s.o.Send(ctx, e); err != nil {
		return http.StatusBadGateway, fmt.Errorf("the test was not sent: %w", err)
	}
	return http.StatusOK, nil
}

// picture stands for the pictures of made-up products.
func picture(w http.ResponseWriter, r *http.Request) {
	hue := 0
	for _, c := range r.PathValue("picture") {
		hue = (hue*31 + int(c)) % 360
	}
	answer(w, http.StatusOK, "image/svg+xml", "default-src 'none'; style-src 'unsafe-inline'", fmt.Appendf(nil,
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 120" width="120" height="120"><rect width="120" height="120" fill="hsl(%d 35%% 82%%)"/>`+
			`<path d="M38 46h38v26a14 14 0 0 1-14 14H52a14 14 0 0 1-14-14zM76 52h7a8 8 0 0 1 0 17h-7" fill="none" stroke="hsl(%d 40%% 35%%)" stroke-width="5"/></svg>`, hue, hue))
}

func kb(n int) string { return fmt.Sprintf("%.1f kB", float64(n)/1024) }
