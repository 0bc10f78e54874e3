package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed pages
var pageFiles embed.FS

// parsePages reads the templates. They are part of the binary, so an error is a
// bug that the first test finds.
func parsePages(b brand) (*template.Template, error) {
	css, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		return nil, fmt.Errorf("read stylesheet: %w", err)
	}
	// The name changes with the content, so that browsers may keep it for good.
	sum := sha256.Sum256(css)
	at := "/assets/style.css?v=" + hex.EncodeToString(sum[:6])
	funcs := pageFuncs()
	funcs["style"] = func() string { return at }
	funcs["brandStyle"] = func() string { return b.sheet }
	funcs["logo"] = func() string { return b.Logo }
	t, err := template.New("").Funcs(funcs).ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse pages: %w", err)
	}
	return t, nil
}

// policy lets a page load its stylesheet from here and post to here, and
// nothing else: no script, no frame around it.
const policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// page renders a template into memory first, so that an error in it cannot
// leave half a page behind a 200.
func (s *Server) page(w http.ResponseWriter, status int, name string, data any) {
	s.pageUnder(w, status, name, data, policy)
}

// customerPage is page for the shop's customers, in its brand.
func (s *Server) customerPage(w http.ResponseWriter, status int, name string, data any) {
	s.pageUnder(w, status, name, data, s.brand.policy())
}

func (s *Server) pageUnder(w http.ResponseWriter, status int, name string, data any, policy string) {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, name, data); err != nil {
		s.Log.Error("page not rendered", "page", name, "error", err)
		plain(w, http.StatusInternalServerError, "something went wrong here; try again later")
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex")
	answer(w, status, "text/html; charset=utf-8", b.Bytes())
}

// plain answers with a line of text.
func plain(w http.ResponseWriter, status int, text string) {
	answer(w, status, "text/plain; charset=utf-8", []byte(text+"\n"))
}

// answerJSON answers with v as a document.
func answerJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		plain(w, http.StatusInternalServerError, "something went wrong here; try again later")
		return
	}
	answer(w, status, "application/json", append(b, '\n'))
}

// Values of headers that nearly every answer has: shared, and not to be changed.
var noSniff, noReferrer, noStore = []string{"nosniff"}, []string{"no-referrer"}, []string{"no-store"}

func answer(w http.ResponseWriter, status int, kind string, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{kind}
	h["X-Content-Type-Options"], h["Referrer-Policy"] = noSniff, noReferrer
	if len(h["Cache-Control"]) == 0 {
		h["Cache-Control"] = noStore
	}
	w.WriteHeader(status)
	w.Write(body)
}

// style serves the stylesheet of all pages.
func style(w http.ResponseWriter, _ *http.Request) {
	css, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		plain(w, http.StatusNotFound, "not found")
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	answer(w, http.StatusOK, "text/css; charset=utf-8", css)
}
