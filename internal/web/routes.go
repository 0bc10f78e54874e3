package web

import "net/http"

// handlers wires every route. Patterns with a method answer 405 to others; GET
// includes HEAD.
func (s *Server) handlers(b Backend) http.Handler {
	admin := guard{password: s.AdminPassword}
	mux := http.NewServeMux()

	in := collector{s, b.Intake, newKeys(s.WriteKeys)}
	for _, kind := range callKinds() {
		mux.HandleFunc("POST /v1/"+kind, in.handle(kind))
	}

	track := tracking{s, b.Tokens, b.Tracker}
	mux.HandleFunc("GET /o/{file}", track.open)
	mux.HandleFunc("GET /c/{token}", track.click)
	mux.HandleFunc("GET /v/{token}", track.view)

	unsub := unsubscribe{s, b.Tokens, b.Subscriptions}
	mux.HandleFunc("GET /u/{token}", unsub.show)
	mux.HandleFunc("POST /u/{token}", unsub.act)

	prefs := preferences{s, b.Tokens, b.Links, b.Preferences}
	mux.HandleFunc("GET /p/{token}", prefs.show)
	mux.HandleFunc("POST /p/{token}", prefs.act)
	mux.HandleFunc("POST /p/{token}/link", prefs.link)
	mux.HandleFunc("POST /p/{token}/export", prefs.export)
	mux.HandleFunc("POST /p/{token}/erase", prefs.erase)
	mux.HandleFunc("POST /p/{token}/address", prefs.address)

	confirm := confirming{s, b.Tokens, b.Confirmations}
	mux.HandleFunc("GET /confirm/{token}", confirm.show)
	mux.HandleFunc("POST /confirm/{token}", confirm.act)

	rep := reports{s, b.Reporter}
	mux.Handle("GET /report", admin.wrap(http.HandlerFunc(rep.overview)))
	mux.Handle("GET /report.json", admin.wrap(http.HandlerFunc(rep.json)))
	mux.Handle("GET /report/{campaign}", admin.wrap(http.HandlerFunc(rep.campaign)))
	mux.Handle("GET /deliverability", admin.wrap(http.HandlerFunc(rep.deliverability)))
	mux.Handle("GET /deliverability.json", admin.wrap(http.HandlerFunc(rep.deliverabilityJSON)))
	if b.Inbox != nil {
		mux.Handle("/inbox/", admin.wrap(b.Inbox))
	}

	if b.Hooks != nil {
		mux.Handle("POST /hooks/{provider}", b.Hooks)
	}

	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", readiness{s, b.Health}.handle)
	mux.HandleFunc("GET /assets/style.css", style)
	mux.HandleFunc("GET /assets/brand.css", s.brand.style)
	mux.HandleFunc("GET /robots.txt", robots)
	mux.HandleFunc("GET /{$}", s.index)
	return s.logged(mux)
}

// robots keeps crawlers away: nothing here is for them, and a link that one
// follows is recorded.
func robots(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "User-agent: *\nDisallow: /\n")
}

// index is what somebody sees who opens the bare host, often a customer who
// wonders where a link would lead.
func (s *Server) index(w http.ResponseWriter, _ *http.Request) {
	s.page(w, http.StatusOK, "index.html", map[string]any{"Shop": s.Workspace.Name})
}
