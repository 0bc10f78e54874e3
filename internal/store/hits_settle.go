package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/grade"
)

// settleBatch is how many hits one transaction settles, or a little more.
const settleBatch = 1000

const unsettled = `NOT settled AND at <= $1`

// Settle grades the hits of grade.Burst before now and earlier again, by all that
// came around them, and makes events of people's. It returns how many it settled.
// Any process may do it at any time, two at once too.
func (s *Store) Settle(ctx context.Context, now time.Time) (int, error) {
	due := campaign.Micros(now.Add(-grade.Burst))
	total := 0
	for {
		var some bool
		if err := s.reader().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM hits WHERE `+unsettled+`)`, due).Scan(&some); err != nil {
			return total, fmt.Errorf("look for hits to settle: %w", err)
		}
		if !some {
			return total, nil
		}
		n := 0
		err := s.write(ctx, func(tx *sql.Tx) error {
			rows, err := tx.QueryContext(ctx, `SELECT message_id, min(at) FROM (SELECT message_id, at FROM hits WHERE `+unsettled+` ORDER BY at LIMIT $2) h
				GROUP BY message_id ORDER BY message_id`, due, settleBatch)
			// What a hit changes is the grade of those within Burst of it, and theirs
			// depends on those within Burst of them.
			const reach = int64(grade.Burst / time.Microsecond)
			spans, err := collect(rows, err, func(rows *sql.Rows) (hitSpan, error) {
				var sp hitSpan
				var first int64
				err := rows.Scan(&sp.message, &first)
				sp.read, sp.since = first-2*reach, first-reach
				return sp, err
			})
			if err != nil {
				return fmt.Errorf("find hits: %w", err)
			}
			j := &hitJudge{Store: s, tx: tx, due: due}
			if err := j.judge(ctx, spans); err != nil {
				return err
			}
			n = j.settled
			return j.apply(ctx)
		})
		if err != nil {
			return total, fmt.Errorf("settle hits: %w", err)
		}
		if total += n; n == 0 {
			return total, nil // another process has been faster
		}
	}
}

// hitSpan says which hits of a message are graded: those from since on, by those
// from read on.
type hitSpan struct{ message, read, since int64 }

// hitJudge grades stored hits again.
type hitJudge struct {
	*Store
	tx  *sql.Tx
	due int64 // hits after it are not settled yet

	mails   map[int64]*judgedMail
	judged  []*storedHit // all that were graded
	settled int          // of them for the first time
}

// judgedMail is a message whose hits are graded.
type judgedMail struct {
	customer, links int64
	campaign, step  string
	marked          int          // see marksOf
	hits            []*storedHit // in order
	changed         bool         // the first times on it have to be found anew
}

// storedHit is a row of hits.
type storedHit struct {
	hitRow         // with its new result
	id             int64
	settled        bool
	grade, reasons string // as they are stored
	rules          int
	url            string
}

func (h *storedHit) same() bool {
	return h.grade == string(h.result.Grade) && h.reasons == reasonsText(h.result) && h.rules == h.result.Version
}

// judge reads and grades.
func (j *hitJudge) judge(ctx context.Context, spans []hitSpan) error {
	if err := j.readMails(ctx, spans); err != nil {
		return fmt.Errorf("read messages: %w", err)
	}
	if err := j.readHits(ctx, spans); err != nil {
		return fmt.Errorf("read hits: %w", err)
	}
	for _, sp := range spans {
		m := j.mails[sp.message]
		if m == nil {
			continue
		}
		for i, h := range m.hits {
			if h.at < sp.since || h.at > j.due && !h.settled {
				continue
			}
			shown := h.shows()
			m.around(i, &shown)
			h.result = grade.Judge(shown)
			if !h.settled {
				j.settled++
			}
			// A mark was taken away while this hit, which relies on it, was on its way.
			unmarked := !h.settled && m.marked&(1<<markOf(h.kind, h.result.Grade)) == 0
			m.changed = m.changed || unmarked || string(h.result.Grade) != h.grade
			j.judged = append(j.judged, h)
		}
	}
	return nil
}

// readMails locks the messages, in their order, so that two who grade wait for each
// other.
func (j *hitJudge) readMails(ctx context.Context, spans []hitSpan) error {
	ids := make([]int64, len(spans))
	for i, sp := range spans {
		ids[i] = sp.message
	}
	lock := j.forUpdate("")
	if lock != "" {
		lock = " FOR NO KEY UPDATE OF m"
	}
	rows, err := j.tx.QueryContext(ctx, `SELECT m.id, m.customer_id, m.links, k.name, m.step, `+marksOf+` FROM messages m JOIN campaigns k ON k.id = m.campaign_id
		WHERE m.id IN `+j.ids("$1")+` ORDER BY m.id`+lock, array(ids))
	if err != nil {
		return err
	}
	defer rows.Close()
	j.mails = make(map[int64]*judgedMail, len(ids))
	for rows.Next() {
		var id int64
		m := &judgedMail{}
		if err := rows.Scan(&id, &m.customer, &m.links, &m.campaign, &m.step, &m.marked); err != nil {
			return err
		}
		j.mails[id] = m
	}
	return rows.Err()
}

func (j *hitJudge) readHits(ctx context.Context, spans []hitSpan) error {
	in := make([][]any, len(spans))
	for i, sp := range spans {
		in[i] = []any{sp.message, sp.read}
	}
	rows, err := j.tx.QueryContext(ctx, `SELECT h.id, h.message_id, h.kind, h.link_id, h.at, h.after_accept, h.method, h.user_agent, h.network, h.purpose,
			h.grade, h.reasons, h.rules, h.settled, coalesce(l.url, '')
		FROM `+j.rows("$1", "message_id bigint", "since bigint")+` x JOIN hits h ON h.message_id = x.message_id AND h.at >= x.since
		LEFT JOIN links l ON l.id = h.link_id AND h.kind = 'click' ORDER BY h.message_id, h.at, h.id`, array(in))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		h := &storedHit{}
		if err := rows.Scan(&h.id, &h.message, &h.kind, &h.link, &h.at, &h.after, &h.method, &h.agent, &h.network, &h.purpose,
			&h.grade, &h.reasons, &h.rules, &h.settled, &h.url); err != nil {
			return err
		}
		if m := j.mails[h.message]; m != nil {
			m.hits = append(m.hits, h)
		}
	}
	return rows.Err()
}

// around adds what came within grade.Burst of the ith hit.
func (m *judgedMail) around(i int, to *grade.Hit) {
	const reach = int64(grade.Burst / time.Microsecond)
	at := m.hits[i].at
	links, heads, networks := map[int64]bool{}, map[int64]bool{}, map[string]bool{}
	note := func(h *storedHit) bool {
		if h.at < at-reach || h.at > at+reach {
			return false
		}
		if h.kind == grade.Click {
			links[h.link] = true
			if h.method == "HEAD" {
				heads[h.link] = true
			}
			if h.network != "" {
				networks[h.network] = true
			}
		}
		return true
	}
	for k := i; k >= 0 && note(m.hits[k]); k-- {
	}
	for k := i + 1; k < len(m.hits) && note(m.hits[k]); k++ {
	}
	to.Links, to.Heads, to.Networks, to.Of = len(links), len(heads), len(networks), int(m.links)
}
