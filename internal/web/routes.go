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

	unsub := unsubscribe{s, b.Tokens, b.Subscriptions}
	mux.HandleFunc("GET /u/{token}", unsub.show)
	mux.HandleFunc("POST /u/{token}", unsub.act)

	rep := reports{s, b.Reporter}
	mux.Handle("GET /report", admin.wrap(http.HandlerFunc(rep.overview)))
	mux.Handle("GET /report.json", admin.wrap(http.HandlerFunc(rep.json)))
	mux.Handle("GET /report/{campaign}", admin.wrap(http.HandlerFunc(rep.campaign)))
	if b.Inbox != nil {
		mux.Handle("/inbox/", admin.wrap(b.Inbox))
	}

	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", readiness{s, b.Health}.handle)
	mux.HandleFunc("GET /assets/style.css", style)
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
