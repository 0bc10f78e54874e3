package bench

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"tidings/internal/audience"
	"tidings/internal/store"
)

// TrackOptions say how opens and clicks are measured.
type TrackOptions struct {
	DatabaseURL string
	Messages    int           // whose pixel and links are asked for in turn
	Connections int           // of mail programs
	Time        time.Duration // for each part
	// Handler serves a store's pixels and links, as `tidings web` does; Open and Click
	// are the paths of a message's.
	Handler func(*store.Store) (http.Handler, error)
	Open    func(message int64) string
	Click   func(message, link int64) string
	Tell    func(string)
}

// TrackFigures are what was measured.
type TrackFigures struct {
	Engine          string      `json:"engine"`
	Messages        int         `json:"messages"`
	Connections     int         `json:"connections"`
	OpensPerSecond  float64     `json:"opens_per_second"`
	ClicksPerSecond float64     `json:"clicks_per_second"`
	P99             float64     `json:"p99_ms"` // the worse of both
	Opens           HTTPFigures `json:"opens"`
	Clicks          HTTPFigures `json:"clicks"`
	// Settled is how many stored hits a second are graded by what came around them.
	Settled  float64       `json:"settled_per_second"`
	Baseline TrackBaseline `json:"baseline"`
}

// TrackBaseline is measured in the same run: a bare net/http handler that answers the
// same pixel and records nothing, and one that inserts a row for each hit, in a
// transaction of its own.
type TrackBaseline struct {
	Bare   HTTPFigures `json:"bare"`
	Insert HTTPFigures `json:"insert_per_hit"`
	// OpensToInsert is our opens a second for each of the handler that inserts.
	OpensToInsert float64 `json:"opens_to_insert"`
}

// benchLinks are the links of each message.
const benchLinks = 3

// agents are what asks; they take turns.
var agents = []string{
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
}

// Track measures opens and clicks, each durable before its answer.
func Track(ctx context.Context, o TrackOptions) (TrackFigures, error) {
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
	p, err := newPlace(ctx, o.DatabaseURL)
	if err != nil {
		return TrackFigures{}, err
	}
	defer p.close()
	t := &trackRun{TrackOptions: o, place: p}
	t.out = TrackFigures{Engine: p.engine.String(), Messages: o.Messages, Connections: o.Connections}
	// Commits shall last, unlike those of the place's own store.
	if t.store, err = store.Open(ctx, p.named(trackName), store.Options{}); err != nil {
		return t.out, err
	}
	defer t.store.Close()
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{{"fill", t.fill}, {"bare handler", t.bare}, {"opens", t.opens}, {"an insert a hit", t.insert}, {"clicks", t.clicks}, {"settle", t.settle}} {
		begun := time.Now()
		if err := part.do(ctx); err != nil {
			return t.out, fmt.Errorf("measure %s: %w", part.name, err)
		}
		o.Tell(fmt.Sprintf("%s: %.1f s", part.name, time.Since(begun).Seconds()))
	}
	return t.out, nil
}

// trackName is by which the database knows the connections that are measured.
const trackName = "tidings-bench-track"

// load measures a handler, with what the database has used for it.
func (t *trackRun) load(ctx context.Context, handler http.Handler, status int, request func(int) []byte) (HTTPFigures, error) {
	before := t.place.backends(ctx, trackName)
	f, err := load(ctx, handler, t.Connections, t.Time, status, request)
	if err != nil {
		return f, err
	}
	for pid, used := range t.place.backends(ctx, trackName) {
		f.Database += (used - before[pid]) * 1e6 / float64(f.Requests)
	}
	return f, nil
}

type trackRun struct {
	TrackOptions
	place   *place
	store   *store.Store
	handler http.Handler
	asked   int // hits that were answered
	out     TrackFigures
}

// fill makes messages that were accepted an hour ago.
func (t *trackRun) fill(ctx context.Context) error {
	numbers := fmt.Sprintf("generate_series(1, %d) AS s(i)", t.Messages)
	if t.place.engine == audience.SQLite {
		numbers = fmt.Sprintf("(WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < %d) SELECT i FROM r) s", t.Messages)
	}
	if err := t.store.Fix(ctx, store.Live); err != nil {
		return err
	}
	accepted := time.Now().Add(-time.Hour).UnixMicro()
	for _, statement := range []string{
		"INSERT INTO campaigns (name, seed, topic, status, loaded_at) VALUES ('letter', 'letter', 'offers', 'active', 0)",
		"INSERT INTO customers (external_id, email, email_hash) SELECT 'c' || i, 'c' || i || '@kape.example', 'h' || i FROM " + numbers,
		"INSERT INTO enrollments (campaign_id, customer_id, key, anchor_at, entered_at, decided_at, anchor, state) SELECT k.id, c.id, c.external_id, 0, 0, 0, '{}', 'finished' FROM customers c, campaigns k",
		fmt.Sprintf(`INSERT INTO messages (enrollment_id, campaign_id, customer_id, created_at, reached_at, due_at, expires_at, state, step, topic, lane, links, handoff_at, done_at)
			SELECT e.id, e.campaign_id, e.customer_id, 0, 0, 0, 0, 'accepted', 'one', 'offers', 'bulk', %d, %d, %d FROM enrollments e`, benchLinks, accepted, accepted),
		"INSERT INTO links (id, url) VALUES (1, 'https://kape.example/a'), (2, 'https://kape.example/b'), (3, 'https://kape.example/c')",
		"CREATE TABLE bare_hits (id BIGINT, message_id BIGINT NOT NULL REFERENCES messages (id), user_agent TEXT NOT NULL, at BIGINT NOT NULL)",
		"ANALYZE messages",
	} {
		if _, err := t.place.db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	var err error
	t.handler, err = t.Handler(t.store)
	return err
}

// request is a request of a mail program's, as it goes over the line.
func request(path string, n int) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: image/*,*/*\r\nAccept-Encoding: gzip\r\nUser-Agent: " + agents[n%len(agents)] + "\r\n\r\n")
}

// requests are made before the clock runs.
func (t *trackRun) requests(path func(message int64) string) func(int) []byte {
	made := make([][]byte, t.Messages)
	for i := range made {
		made[i] = request(path(int64(i+1)), i)
	}
	return func(n int) []byte { return made[n%len(made)] }
}

func (t *trackRun) opens(ctx context.Context) (err error) {
	t.out.Opens, err = t.load(ctx, t.handler, http.StatusOK, t.requests(t.Open))
	if err != nil {
		return err
	}
	t.out.OpensPerSecond, t.asked = t.out.Opens.PerSecond, t.out.Opens.Requests
	return t.check(ctx)
}

func (t *trackRun) clicks(ctx context.Context) (err error) {
	t.out.Clicks, err = t.load(ctx, t.handler, http.StatusFound, t.requests(func(m int64) string { return t.Click(m, m%benchLinks+1) }))
	if err != nil {
		return err
	}
	t.out.ClicksPerSecond, t.asked = t.out.Clicks.PerSecond, t.asked+t.out.Clicks.Requests
	t.out.P99 = max(t.out.Opens.P99, t.out.Clicks.P99)
	return t.check(ctx)
}

// check fails unless every hit that was answered is there.
func (t *trackRun) check(ctx context.Context) error {
	var kept int
	if err := t.place.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM hits) + (SELECT coalesce(sum(n), 0) FROM hits_shed)`).Scan(&kept); err != nil {
		return err
	}
	if kept != t.asked {
		return fmt.Errorf("%d hits were answered, and %d are stored", t.asked, kept)
	}
	return nil
}

// bare answers the same pixel and records nothing.
func (t *trackRun) bare(ctx context.Context) (err error) {
	t.out.Baseline.Bare, err = t.load(ctx, http.HandlerFunc(answerPixel), http.StatusOK, t.requests(t.Open))
	return err
}

func answerPixel(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/gif")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(make([]byte, 43))
}

// insert records each hit by a statement of its own.
func (t *trackRun) insert(ctx context.Context) error {
	db, err := t.plain()
	if err != nil {
		return err
	}
	defer db.Close()
	var n atomic.Int64
	handler := func(w http.ResponseWriter, r *http.Request) {
		if _, err := db.ExecContext(r.Context(), "INSERT INTO bare_hits (message_id, user_agent, at) VALUES ($1, $2, $3)",
			n.Add(1)%int64(t.Messages)+1, r.UserAgent(), time.Now().UnixMicro()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answerPixel(w, r)
	}
	b := &t.out.Baseline
	if b.Insert, err = t.load(ctx, http.HandlerFunc(handler), http.StatusOK, t.requests(t.Open)); err != nil {
		return err
	}
	b.OpensToInsert = t.out.OpensPerSecond / b.Insert.PerSecond
	return nil
}

// plain is the database by database/sql alone, with as many connections as the store
// has, and with commits that last.
func (t *trackRun) plain() (*sql.DB, error) {
	if file, ok := strings.CutPrefix(t.place.address, "sqlite:"); ok {
		db, err := sql.Open("sqlite", "file:"+file+"?_pragma=synchronous(FULL)&_pragma=busy_timeout(15000)&_pragma=journal_mode(WAL)&_txlock=immediate")
		if err == nil {
			db.SetMaxOpenConns(1) // SQLite has one writer
		}
		return db, err
	}
	db, err := sql.Open("pgx", t.place.named(trackName))
	if err == nil {
		db.SetMaxOpenConns(8)
		db.SetMaxIdleConns(8)
	}
	return db, err
}

// settle grades all of it once more, as a tick does later.
func (t *trackRun) settle(ctx context.Context) error {
	begun := time.Now()
	n, err := t.store.Settle(ctx, begun.Add(time.Hour))
	t.out.Settled = float64(n) / time.Since(begun).Seconds()
	return err
}
