package web

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
)

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int
}

func (r *recorder) WriteHeader(code int) {
	if r.status == 0 {
		r.status = code
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// logged writes a line per request with the pattern of its route, not its path:
// paths hold tokens. What went well is told at debug level, since an open or a
// click is a row in the store already. A panic becomes a 500.
func (s *Server) logged(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.Log.Error("http handler panicked", "route", route(r), "stack", string(debug.Stack()))
				if rec.status == 0 {
					plain(rec, http.StatusInternalServerError, "something went wrong here; try again later")
				}
			}
			level := slog.LevelDebug
			switch {
			case rec.status >= 500:
				level = slog.LevelWarn
			case rec.status >= 400:
				level = slog.LevelInfo
			}
			if !s.Log.Enabled(r.Context(), level) {
				return
			}
			s.Log.Log(context.WithoutCancel(r.Context()), level, "http request", "method", method(r), "route", route(r),
				"status", rec.status, "bytes", rec.bytes, "took", s.Now().Sub(began))
		}()
		mux.ServeHTTP(rec, r)
	})
}

// route is the pattern that the mux matched; it sets it on the request.
func route(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

// method keeps what a stranger sends as a verb out of the log.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch:
		return r.Method
	}
	return "other"
}

// errorLog takes the lines that net/http writes by itself, without the peers'
// addresses.
func errorLog(l *slog.Logger) *log.Logger { return log.New(serverLines{l}, "", 0) }

type serverLines struct{ log *slog.Logger }

var (
	peerAddress           = regexp.MustCompile(`\[?[0-9a-fA-F:.]*[.:][0-9a-fA-F:.]*\]?(%\w+)?:\d+`)
	_           io.Writer = serverLines{}
)

func (s serverLines) Write(p []byte) (int, error) {
	first, _, _ := strings.Cut(string(p), "\n")
	s.log.Warn("http server", "line", peerAddress.ReplaceAllString(first, "peer"))
	return len(p), nil
}
