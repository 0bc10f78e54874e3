package web

import (
	"context"
	"net/http"
	"time"
)

// Health is what readiness looks at.
type Health interface {
	// Ping reaches the database.
	Ping(ctx context.Context) error
	// LastTick is when the scheduler last finished a tick; zero: never.
	LastTick(ctx context.Context) (time.Time, error)
}

// pingTime is short: a platform asks every few seconds.
const pingTime = 3 * time.Second

// alive says that the process answers, and nothing about what is behind it:
// restarting it would not mend a database.
func alive(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "alive") }

type readiness struct {
	*Server
	health Health
}

// readyReply is the answer of /readyz.
type readyReply struct {
	Ready   bool     `json:"ready"`
	Why     string   `json:"why,omitempty"`
	TickAge *float64 `json:"last_tick_seconds_ago,omitempty"` // absent: no tick yet
}

func (h readiness) handle(w http.ResponseWriter, r *http.Request) {
	reply := h.look(r.Context())
	status := http.StatusOK
	if !reply.Ready {
		status = http.StatusServiceUnavailable
	}
	answerJSON(w, status, reply)
}

// look keeps errors to the log: they may name hosts and users.
func (h readiness) look(ctx context.Context) readyReply {
	if h.draining.Load() {
		return readyReply{Why: "stopping"}
	}
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	if err := h.health.Ping(ctx); err != nil {
		h.Log.Warn("not ready", "error", err)
		return readyReply{Why: "the database does not answer"}
	}
	tick, err := h.health.LastTick(ctx)
	if err != nil {
		h.Log.Warn("not ready", "error", err)
		return readyReply{Why: "the last tick cannot be read"}
	}
	if tick.IsZero() {
		return readyReply{Ready: true}
	}
	age := h.Now().Sub(tick)
	seconds := age.Seconds()
	if h.MaxTickAge > 0 && age > h.MaxTickAge {
		return readyReply{Why: "the last tick is too long ago", TickAge: &seconds}
	}
	return readyReply{Ready: true, TickAge: &seconds}
}
