package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/grade"
)

// maxRawHits is how many hits of one pixel or link are kept raw in an hour. More of
// them are a flood, which is counted: by token, for a provider's few addresses stand
// for very many people.
const maxRawHits = 100

const hourMicros = 3600 * 1_000_000

// hitMark is a column of messages with the first time of something.
type hitMark int

const (
	openedAt hitMark = iota
	clickedAt
	machineOpenedAt
	machineClickedAt
	hitMarks
)

// markOf is where a hit is noted.
func markOf(k grade.Kind, g grade.Grade) hitMark {
	m := openedAt
	if k == grade.Click {
		m = clickedAt
	}
	if g != grade.Human {
		m += machineOpenedAt
	}
	return m
}

// marksOf is a bit for each hitMark that a message m has.
const marksOf = `CASE WHEN m.opened_at IS NULL THEN 0 ELSE 1 END + CASE WHEN m.clicked_at IS NULL THEN 0 ELSE 2 END
	+ CASE WHEN m.machine_opened_at IS NULL THEN 0 ELSE 4 END + CASE WHEN m.machine_clicked_at IS NULL THEN 0 ELSE 8 END`

// hitMail is a message as its hits need it.
type hitMail struct {
	doubtful bool          // whether it has arrived is not known: a hit proves that it has
	marked   int           // see marksOf
	accepted sql.NullInt64 // when a mail server took it, or was about to
}

func (m *hitMail) has(k hitMark) bool { return m.marked&(1<<k) != 0 }

// hitKey names the hits of which so many are kept.
type hitKey struct{ message, link, hour int64 }

// hitRow is a hit that is kept.
type hitRow struct {
	message, link, at int64
	kind              grade.Kind
	after             sql.NullInt64
	method, agent     string
	network, purpose  string
	result            grade.Result
}

// hitPlan is what a batch of hits comes to.
type hitPlan struct {
	rows  []hitRow
	shed  map[hitKey]int
	first [][]any // of messages: the first times that are new, by hitMark
	mails map[int64]*hitMail
}

// recordHits stores a batch in one transaction: the raw hits with their grades, the
// first times on their messages, and, for those whose hand-over had no reply, that
// they did arrive.
func (s *Store) recordHits(ctx context.Context, batch []*newHit) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		p, err := s.planHits(ctx, tx, batch, s.forKeyShare())
		if err != nil || len(p.mails) == 0 {
			return err
		}
		if err := s.insertHits(ctx, tx, p.rows); err != nil {
			return fmt.Errorf("write hits: %w", err)
		}
		if err := s.shedHits(ctx, tx, p.shed); err != nil {
			return fmt.Errorf("count hits: %w", err)
		}
		if err := s.markHits(ctx, tx, p.first); err != nil {
			return fmt.Errorf("mark messages: %w", err)
		}
		return s.settleByHits(ctx, tx, batch, p.mails)
	})
	if err != nil {
		return fmt.Errorf("store hits: %w", err)
	}
	return nil
}

// forKeyShare keeps rows that others refer to from going.
func (s *Store) forKeyShare() string {
	if s.engine == audience.SQLite {
		return ""
	}
	return keyShare
}

const keyShare = " FOR KEY SHARE"

// planHits grades a batch and finds what is to be stored of it. Hits of messages that
// are gone are left out.
func (s *Store) planHits(ctx context.Context, q querier, batch []*newHit, lock string) (hitPlan, error) {
	p := hitPlan{shed: map[hitKey]int{}}
	var err error
	if p.mails, err = s.hitMails(ctx, q, batch, lock); err != nil || len(p.mails) == 0 {
		return p, err
	}
	kept, err := s.keptHits(ctx, q, batch, p.mails)
	if err != nil {
		return p, err
	}
	for _, h := range batch {
		m, ok := p.mails[h.message]
		if !ok {
			continue
		}
		key := hitKey{h.message, h.link, campaign.Micros(h.At) / hourMicros}
		if kept[key]++; kept[key] > maxRawHits {
			p.shed[key]++
			continue
		}
		p.rows = append(p.rows, h.row(m))
	}
	p.first = firstTimes(p.rows, p.mails)
	return p, nil
}

// hitMails reads the messages of hits; those that are gone are not in the answer. Live,
// the hits are of the moment at which it does, by the store's clock.
func (s *Store) hitMails(ctx context.Context, q querier, batch []*newHit, lock string) (map[int64]*hitMail, error) {
	seen := map[int64]bool{}
	var ids []int64
	for _, h := range batch {
		if !seen[h.message] {
			seen[h.message] = true
			ids = append(ids, h.message)
		}
	}
	clock := "0"
	if s.engine == audience.Postgres {
		clock = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
	}
	rows, err := q.QueryContext(ctx, `SELECT id, state = 'uncertain' OR uncertain > 0 AND state IN ('pending', 'queued', 'claimed'),
			`+marksOf+`,
			`+acceptedBy+`, `+clock+`
		FROM messages m WHERE id IN `+s.ids("$1")+lock, array(ids))
	if err != nil {
		return nil, fmt.Errorf("find messages: %w", err)
	}
	defer rows.Close()
	out := make(map[int64]*hitMail, len(ids))
	now := int64(0)
	for rows.Next() {
		var id int64
		m := &hitMail{}
		if err := rows.Scan(&id, &m.doubtful, &m.marked, &m.accepted, &now); err != nil {
			return nil, fmt.Errorf("find messages: %w", err)
		}
		out[id] = m
	}
	if s.live.Load() && len(out) > 0 {
		at := campaign.FromMicros(now)
		if now == 0 {
			at = campaign.Moment(time.Now())
		}
		for _, h := range batch {
			h.At = at
		}
	}
	return out, rows.Err()
}

// keptHits counts what is kept since the beginning of their hour of the batch's messages
// that may be near the limit: those of which this process has seen a few hits.
func (s *Store) keptHits(ctx context.Context, q querier, batch []*newHit, mails map[int64]*hitMail) (map[hitKey]int, error) {
	out := map[hitKey]int{}
	var ids []int64
	since := campaign.Micros(batch[0].At)
	for _, h := range batch {
		since = min(since, campaign.Micros(h.At))
		if m := mails[h.message]; m != nil && m.marked != 0 && h.often {
			ids = append(ids, h.message)
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	rows, err := q.QueryContext(ctx, `SELECT message_id, link_id, at / $3, count(*) FROM hits
		WHERE message_id IN `+s.ids("$1")+` AND at >= $2 GROUP BY 1, 2, 3`, array(ids), since-since%hourMicros, int64(hourMicros))
	if err != nil {
		return nil, fmt.Errorf("count hits: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var k hitKey
		var n int
		if err := rows.Scan(&k.message, &k.link, &k.hour, &n); err != nil {
			return nil, fmt.Errorf("count hits: %w", err)
		}
		out[k] = n
	}
	return out, rows.Err()
}

// row is the hit as it is kept, graded by what it shows itself.
func (h *newHit) row(m *hitMail) hitRow {
	r := hitRow{
		message: h.message, link: h.link, at: campaign.Micros(h.At), kind: h.kind,
		method: clip(h.Method), agent: clip(h.UserAgent), network: network(h.Addr), purpose: clip(h.Purpose),
	}
	if r.method == "" {
		r.method = "GET"
	}
	if m.accepted.Valid {
		r.after = sql.NullInt64{Int64: r.at - m.accepted.Int64, Valid: true}
	}
	r.result = grade.Judge(r.shows())
	return r
}

// shows is what the hit shows by itself.
func (r hitRow) shows() grade.Hit {
	h := grade.Hit{Kind: r.kind, UserAgent: r.agent, Method: r.method, Purpose: r.purpose, Timed: r.after.Valid, After: time.Duration(r.after.Int64) * time.Microsecond}
	if p, err := netip.ParsePrefix(r.network); err == nil {
		h.Addr = p.Addr()
	}
	return h
}

func reasonsText(r grade.Result) string { return strings.Join(r.Reasons, "; ") }
