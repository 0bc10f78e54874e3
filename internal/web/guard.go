package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
)

// guard stands before pages for the shop's own people.
type guard struct{ password string }

// wrap asks for the password by basic authentication, under any user name.
// Without a password only this machine may see the page.
func (g guard) wrap(next http.Handler) http.Handler {
	if g.password == "" {
		return LoopbackOnly(next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, given, ok := r.BasicAuth()
		if !ok || !sameSecret(given, g.password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="Tidings", charset="UTF-8"`)
			plain(w, http.StatusUnauthorized, "this page wants the password in ADMIN_PASSWORD, under any user name")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Guarded asks for a password by basic authentication, under any user name.
func Guarded(next http.Handler, password string) http.Handler { return guard{password}.wrap(next) }

// LoopbackOnly lets in requests from this machine that name it, and no other. A
// request through a proxy on this machine comes from anywhere; one whose Host
// is some other name may come from a page that has pointed its own name here.
func LoopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if why := notLocal(r); why != "" {
			plain(w, http.StatusForbidden, why+"; without ADMIN_PASSWORD this page is shown only on the machine that serves it, at localhost. Set ADMIN_PASSWORD to see it from elsewhere")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// notLocal says why a request is not plainly from this machine; empty: it is.
func notLocal(r *http.Request) string {
	for _, h := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "X-Forwarded-Host"} {
		if r.Header.Get(h) != "" {
			return "this request came through a proxy"
		}
	}
	if !peer(r).IsLoopback() {
		return "this request came from another machine"
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	if a, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !a.IsLoopback()) {
		return "this request asked for another host than localhost"
	}
	return ""
}

// sameSecret compares in a time that tells neither content nor length.
func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
