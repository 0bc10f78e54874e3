package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing/fstest"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver by which the rig looks beside the store

	"tidings/internal/cli"
	"tidings/internal/content"
	"tidings/internal/intake"
	"tidings/internal/store"
)

// lines is how many connections to the mail server a process of the rig has. A
// quarter as many come on top for mail that customers wait for.
const lines = 4

// doubtful is how many mails a process can leave in doubt when it is killed: one
// for each of its connections.
const doubtful = lines + max(1, lines/4)

// rig is a store with processes that work on it, and the peer that they mail to.
type rig struct {
	url    string // of the database
	env    map[string]string
	store  *store.Store
	db     *sql.DB // to look beside it
	peer   *peer
	mail   mailServer // that the books are compared with: peer, unless another was put in its place
	at     time.Time  // the store's clock, where it is simulated
	made   int        // customers
	domain string     // of their addresses
	live   bool

	kills  int              // processes killed, or frozen long enough to be taken for dead
	struck int              // of them, in the round that is on
	doubts int              // mails that may have been taken twice for it, at most
	left   map[int64]string // mails that must not be sent, by whose they are
	gone   map[string]bool  // who has unsubscribed
}

// begin is when a simulated store's clock starts.
var begin = time.Date(2025, 1, 1, 8, 0, 0, 0, time.UTC)

// newRig sets a rig up in a folder. databaseURL empty: a SQLite file there;
// redisURL empty: a queue in each process.
func newRig(ctx context.Context, dir, databaseURL, redisURL string, live bool) (*rig, error) {
	if databaseURL == "" {
		databaseURL = "sqlite:" + filepath.Join(dir, "soak.db")
	}
	if strings.HasPrefix(databaseURL, "postgres") {
		// The server itself is not killed, so nothing depends on its disk.
		databaseURL = with(databaseURL, "synchronous_commit=off")
	}
	shop := filepath.Join(dir, "shop")
	if err := newWorkspace(shop); err != nil {
		return nil, err
	}
	r := &rig{url: databaseURL, at: begin, live: live, domain: "soak.example", left: map[int64]string{}, gone: map[string]bool{}}
	r.env = map[string]string{
		"DATABASE_URL": databaseURL, "REDIS_URL": redisURL, "WORKSPACE": shop,
		"SMTP_CONNECTIONS": strconv.Itoa(lines), "SECRET_KEY": "0123456789abcdef0123456789abcdef", "LOG_LEVEL": "warn",
	}
	var err error
	if r.peer, err = newPeer(); err != nil {
		return nil, err
	}
	r.use(r.peer)
	if err := r.open(ctx, shop); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// use has the rig's processes mail to a server.
func (r *rig) use(s mailServer) {
	r.mail = s
	r.env["SMTP_URL"] = s.URL()
}

// open makes the tables and has the campaigns taken up, so that what happens
// from now on triggers them.
func (r *rig) open(ctx context.Context, shop string) (err error) {
	if r.store, err = store.Open(ctx, r.url, store.Options{MaxConns: 4}); err != nil {
		return err
	}
	if err := r.store.Migrate(ctx); err != nil {
		return err
	}
	driver, dsn := "pgx", r.url
	if path, ok := strings.CutPrefix(r.url, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+path+"?_pragma=busy_timeout(15000)"
	}
	if r.db, err = sql.Open(driver, dsn); err != nil {
		return err
	}
	cat, problems := content.Load(os.DirFS(shop))
	for _, p := range problems {
		if !p.Warning {
			return fmt.Errorf("the soak's workspace: %v", p)
		}
	}
	r.store.Use(cat)
	if r.live {
		return nil
	}
	_, err = r.tick(ctx)
	r.at = r.at.Add(time.Minute)
	return err
}

// mark names the rig's processes to PostgreSQL, so that only their connections
// are struck.
func (r *rig) mark() string { return "soak-" + r.store.ID() }

// with adds settings to a database's address.
func with(address, settings string) string {
	if strings.Contains(address, "?") {
		return address + "&" + settings
	}
	return address + "?" + settings
}

// child is the environment of a process of the rig, with more.
func (r *rig) child(more map[string]string) map[string]string {
	env := maps.Clone(more)
	if env == nil {
		env = map[string]string{}
	}
	if strings.HasPrefix(r.url, "postgres") {
		// A frozen process holds its locks for as long as this, not for a minute.
		env["DATABASE_URL"] = with(r.url, "idle_in_transaction_session_timeout=1500&application_name="+r.mark())
	}
	return env
}

func (r *rig) close() {
	if r.peer != nil {
		r.peer.suffer(nil)
		r.peer.Close()
	}
	if r.db != nil {
		r.db.Close()
	}
	if r.store != nil {
		r.store.Close()
	}
}

// now is the clock that facts are recorded by.
func (r *rig) now() time.Time {
	if r.live {
		return time.Now()
	}
	return r.at
}

// newcomers makes n customers for whom every campaign starts.
func (r *rig) newcomers(ctx context.Context, n int) error {
	var all []intake.Item
	for range n {
		r.made++
		for kind, body := range map[string]string{
			"identify": `{"userId":"c%d","traits":{"email":"c%[1]d@` + r.domain + `"}}`,
			"batch":    `{"batch":[{"type":"track","userId":"c%d","event":"Subscribed"},{"type":"track","userId":"c%[1]d","event":"Go"}]}`,
		} {
			items, err := intake.ParseCall(kind, fmt.Appendf(nil, body, r.made), r.now())
			if err != nil {
				return err
			}
			all = append(all, items...)
		}
	}
	return r.store.Accept(ctx, all)
}

// unsubscribe records that a customer wants no more, and notes which of their
// mails must not be sent any more: all but those that were on the wire already.
func (r *rig) unsubscribe(ctx context.Context, customer int) error {
	items, err := intake.ParseCall("track", fmt.Appendf(nil, `{"userId":"c%d","event":"Unsubscribed"}`, customer), r.now())
	if err != nil {
		return err
	}
	if err := r.store.Accept(ctx, items); err != nil {
		return err
	}
	r.gone[fmt.Sprintf("c%d", customer)] = true
	rows, err := r.db.QueryContext(ctx, `SELECT m.id FROM messages m JOIN customers c ON c.id = m.customer_id
		WHERE c.external_id = $1 AND m.topic <> '' AND m.uncertain = 0 AND m.state NOT IN ('handoff', 'uncertain', 'accepted')`, fmt.Sprintf("c%d", customer))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return err
		}
		r.left[id] = fmt.Sprintf("c%d", customer)
	}
	return rows.Err()
}

// answer is what `tick --json` prints of the ledger.
type answer struct {
	Messages struct {
		Accepted, Failed, Uncertain, Unresolved, Waiting int
	}
}

// run is a command in this process. It returns the exit code, and what it printed
// or, when it failed, said.
func (r *rig) run(ctx context.Context, args ...string) (code int, said string) {
	var out, told bytes.Buffer
	code = cli.Run(ctx, args, &out, &told, func(k string) string { return r.env[k] }, fstest.MapFS{})
	if code != 0 {
		return code, strings.TrimSpace(out.String() + told.String())
	}
	return code, out.String()
}

// tick is one drain at the rig's clock, in this process and without faults.
func (r *rig) tick(ctx context.Context, flags ...string) (answer, error) {
	var a answer
	code, said := r.run(ctx, append([]string{"tick", "--json", "--drain", "--at", r.at.Format(time.RFC3339)}, flags...)...)
	if code != 0 {
		return a, fmt.Errorf("tick at %s: exit code %d: %s", r.at.Format(time.RFC3339), code, said)
	}
	if err := json.Unmarshal([]byte(said), &a); err != nil {
		return a, fmt.Errorf("read the tick's answer: %w", err)
	}
	return a, nil
}

// settling is how the clock goes on while a store comes to rest: past leases and
// graces, past the time for evidence, past the longest backoff.
var settling = []time.Duration{
	0, 10 * time.Minute, 20 * time.Minute, 20 * time.Minute, 20 * time.Minute, time.Hour, time.Hour, 2 * time.Hour, 4 * time.Hour,
	8 * time.Hour, 8 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

// settle ticks on, without faults, until nothing waits and nothing is in doubt
// that time would settle.
func (r *rig) settle(ctx context.Context) error {
	var a answer
	var err error
	quiet := 0
	for _, d := range settling {
		r.at = r.at.Add(d)
		if a, err = r.tick(ctx); err != nil {
			return err
		}
		open, err := r.count(ctx, `SELECT count(*) FROM enrollments WHERE state = 'running'`)
		if err != nil {
			return err
		}
		if a.Messages.Waiting+a.Messages.Uncertain > 0 || open-a.Messages.Unresolved > 0 {
			quiet = 0
			continue
		}
		if quiet++; quiet == 2 {
			return nil
		}
	}
	return fmt.Errorf("not at rest after %d ticks: %+v", len(settling), a.Messages)
}

func (r *rig) count(ctx context.Context, query string, args ...any) (n int, err error) {
	err = r.db.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, err
}
