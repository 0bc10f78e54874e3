package inbox

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

//go:embed pages
var pageFiles embed.FS

// pages answers requests for the inbox below prefix.
type pages struct {
	*Inbox
	prefix string
	tpl    *template.Template
}

// Handler shows the inbox at prefix + "/". prefix is empty or a path without a
// slash at its end. It guards nothing: whoever reaches it reads every mail.
func (i *Inbox) Handler(prefix string) (http.Handler, error) {
	tpl, err := template.New("").Funcs(template.FuncMap{
		"when":  func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05") },
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"size":  size,
		"short": func(s string) string { return cut(s, 200) },
	}).ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse inbox pages: %w", err)
	}
	p := pages{i, prefix, tpl}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+prefix+"/{$}", p.list)
	mux.HandleFunc("GET "+prefix+"/style.css", p.style)
	mux.HandleFunc("GET "+prefix+"/{id}", p.mail)
	mux.HandleFunc("GET "+prefix+"/{id}/html", p.html)
	mux.HandleFunc("GET "+prefix+"/{id}/mail.eml", p.eml)
	return mux, nil
}

// pagePolicy lets a page frame its own mails and nothing else.
const pagePolicy = "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// mailPolicy makes a mail harmless wherever it is opened: no script, no form,
// no way to the page around it; links open in a tab of their own.
const mailPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline'; font-src https: data:; frame-ancestors 'self'"

func (p pages) render(w http.ResponseWriter, name string, data any) {
	var b bytes.Buffer
	if err := p.tpl.ExecuteTemplate(&b, name, data); err != nil {
		p.opt.Log.Error("inbox page not rendered", "page", name, "error", err)
		http.Error(w, "something went wrong here; reload the page", http.StatusInternalServerError)
		return
	}
	answer(w, "text/html; charset=utf-8", pagePolicy, b.Bytes())
}

func answer(w http.ResponseWriter, kind, policy string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.Write(body)
}

func (p pages) style(w http.ResponseWriter, r *http.Request) {
	css, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		http.NotFound(w, r)
		return
	}
	answer(w, "text/css; charset=utf-8", pagePolicy, css)
}

// find answers 404 itself when there is no such mail.
func (p pages) find(w http.ResponseWriter, r *http.Request) (Mail, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err == nil {
		if m, ok := p.Get(id); ok {
			return m, true
		}
	}
	http.Error(w, fmt.Sprintf("this mail is not here; the inbox keeps the last %d and forgets them when it ends", p.opt.Keep), http.StatusNotFound)
	return Mail{}, false
}

// tab is a way to look at a mail.
type tab struct{ Key, Label string }

type mailPage struct {
	Mail
	Prefix string
	Tabs   []tab
	View   string // Key of a tab
	Phone  bool   // as narrow as a phone shows it
	Source string
}

func (p pages) mail(w http.ResponseWriter, r *http.Request) {
	m, ok := p.find(w, r)
	if !ok {
		return
	}
	page := mailPage{Mail: m, Prefix: p.prefix, Phone: r.URL.Query().Get("width") == "phone"}
	if m.HTML != "" {
		page.Tabs = append(page.Tabs, tab{"html", "Mail"})
	}
	page.Tabs = append(page.Tabs, tab{"text", "Text"}, tab{"links", "Links"}, tab{"headers", "Headers"}, tab{"source", "Source"})
	page.View = page.Tabs[0].Key
	for _, t := range page.Tabs {
		if t.Key == r.URL.Query().Get("view") {
			page.View = t.Key
		}
	}
	if page.View == "source" {
		page.Source = cut(utf8Of(m.Raw), 1<<20)
	}
	p.render(w, "mail.html", page)
}

func (p pages) html(w http.ResponseWriter, r *http.Request) {
	if m, ok := p.find(w, r); ok {
		answer(w, "text/html; charset=utf-8", mailPolicy, []byte(inNewTab(m.HTML)))
	}
}

func (p pages) eml(w http.ResponseWriter, r *http.Request) {
	if m, ok := p.find(w, r); ok {
		w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%d.eml"`, m.ID))
		answer(w, "message/rfc822", mailPolicy, m.Raw)
	}
}

// heads are the start tags behind which a <base> may stand, the best first. It
// never goes before the doctype, which decides how the page is laid out.
var heads = []*regexp.Regexp{
	regexp.MustCompile(`(?i)<head\b[^>]*>`),
	regexp.MustCompile(`(?i)<html\b[^>]*>`),
	regexp.MustCompile(`(?i)<!doctype\b[^>]*>`),
}

// inNewTab makes links that name no target open a tab.
func inNewTab(page string) string {
	const base = `<base target="_blank">`
	for _, tag := range heads {
		if at := tag.FindStringIndex(page); at != nil {
			return page[:at[1]] + base + page[at[1]:]
		}
	}
	return base + page
}

// cut shortens to n bytes, between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

func size(b []byte) string { return fmt.Sprintf("%.1f KB", float64(len(b))/1024) }
