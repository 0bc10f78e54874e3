package bench

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
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
	t := &trackRun{TrackOptions: o, place: p, order: rand.New(rand.NewPCG(1, 2)).Perm(o.Messages)}
	t.out = TrackFigures{Engine: p.engine.String(), Messages: o.Messages, Connections: o.Connections}
	// Commits shall last, unlike those of the place's own store.
	if t.store, err = store.Open(ctx, p.named(trackName), store.Options{}); err != nil {
		return t.out, err
	}
	defer t.store.Close()
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{{"fill", t.fill}, {"requests", t.rounds}, {"check", t.check}, {"settle", t.settle}} {
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

// trackRounds is how often the parts take turns, so that what else the machine does
// is much the same for all of them.
const trackRounds = 5

// trackPart is a handler that is measured.
type trackPart struct {
	handler http.Handler
	status  int
	request func() []byte
	loaded
}

// rounds measures all handlers in turn.
func (t *trackRun) rounds(ctx context.Context) error {
	plain, err := t.plain()
	if err != nil {
		return err
	}
	defer plain.Close()
	pixels, clicks := t.requests(t.Open), t.requests(func(m int64) string { return t.Click(m, m%benchLinks+1) })
	bare := &trackPart{handler: http.HandlerFunc(answerPixel), status: http.StatusOK, request: t.inTurn(pixels)}
	opens := &trackPart{handler: t.handler, status: http.StatusOK, request: t.inTurn(pixels)}
	insert := &trackPart{handler: t.insertEach(plain), status: http.StatusOK, request: t.inTurn(pixels)}
	follow := &trackPart{handler: t.handler, status: http.StatusFound, request: t.inTurn(clicks)}
	for range trackRounds {
		for _, p := range []*trackPart{bare, opens, insert, follow} {
			if err := t.measure(ctx, p); err != nil {
				return err
			}
		}
	}
	o := &t.out
	o.Opens, o.Clicks, o.Baseline.Bare, o.Baseline.Insert = opens.figures(), follow.figures(), bare.figures(), insert.figures()
	o.OpensPerSecond, o.ClicksPerSecond, o.P99 = o.Opens.PerSecond, o.Clicks.PerSecond, max(o.Opens.P99, o.Clicks.P99)
	o.Baseline.OpensToInsert = o.OpensPerSecond / o.Baseline.Insert.PerSecond
	return nil
}

// measure adds a round to a part, with what the database has used for it.
func (t *trackRun) measure(ctx context.Context, p *trackPart) error {
	runtime.GC() // what the part before has left is not this one's
	before := t.place.backends(ctx, trackName)
	m, err := load(ctx, p.handler, t.Connections, t.Time/trackRounds, p.status, p.request)
	if err != nil {
		return err
	}
	for pid, used := range t.place.backends(ctx, trackName) {
		m.database += used - before[pid]
	}
	p.add(m)
	return nil
}

// inTurn gives one request after the other.
func (t *trackRun) inTurn(requests [][]byte) func() []byte {
	var next atomic.Int64
	return func() []byte { return requests[int(next.Add(1)-1)%len(requests)] }
}

type trackRun struct {
	TrackOptions
	place   *place
	store   *store.Store
	handler http.Handler
	order   []int // messages, as they are asked for: mixed, as mails are opened
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

// request is one of a mail program's, as it goes over the line.
func request(path string, n int) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: image/*,*/*\r\nAccept-Encoding: gzip\r\nUser-Agent: " + agents[n%len(agents)] + "\r\n\r\n")
}

// requests are made before the clock runs.
func (t *trackRun) requests(path func(message int64) string) [][]byte {
	made := make([][]byte, t.Messages)
	for i := range made {
		made[i] = request(path(int64(t.order[i]+1)), i)
	}
	return made
}

// check fails unless every hit that was answered is there.
func (t *trackRun) check(ctx context.Context) error {
	var kept int
	if err := t.place.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM hits) + (SELECT coalesce(sum(n), 0) FROM hits_shed)`).Scan(&kept); err != nil {
		return err
	}
	if asked := t.out.Opens.Requests + t.out.Clicks.Requests; kept != asked {
		return fmt.Errorf("%d hits were answered, and %d are stored", asked, kept)
	}
	return nil
}

func answerPixel(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/gif")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(make([]byte, 43))
}

// insertEach records each hit by a statement of its own.
func (t *trackRun) insertEach(db *sql.DB) http.Handler {
	var n atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := db.ExecContext(r.Context(), "INSERT INTO bare_hits (message_id, user_agent, at) VALUES ($1, $2, $3)",
			t.order[int(n.Add(1))%t.Messages]+1, r.UserAgent(), time.Now().UnixMicro()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answerPixel(w, r)
	})
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
