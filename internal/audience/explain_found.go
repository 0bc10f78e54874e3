package audience

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// found is what a condition that is made of no others looked at.
func (x *explaining) found(cond campaign.Condition) (string, error) {
	switch c := cond.(type) {
	case campaign.EventMatch:
		return x.events(c)
	case campaign.Attribute:
		if _, ok := x.cat.Workspace.ComputedAttribute(c.Name); ok {
			return x.computedFound(c.Name)
		}
		return x.fact(c.Name)
	case campaign.TriggerProperty:
		return tested(object(x.pass.Trigger), c.Property), nil
	case campaign.CampaignState:
		return x.lastPass(c.Campaign)
	case campaign.Sample:
		return x.drawn(c)
	}
	return "", nil
}

const nothing = "nothing"

// events tells how many events were looked at, when, and what was made of them.
func (x *explaining) events(m campaign.EventMatch) (string, error) {
	b := x.builder(x.campaign)
	query, err := b.passTable([]PassAt{x.pass})
	if err != nil {
		return "", err
	}
	conds, err := b.eventsOf(m)
	if err != nil {
		return "", err
	}
	var n int
	var first, last sql.NullInt64
	err = x.row(b, query+"SELECT count(*), min(e.occurred_at), max(e.occurred_at) FROM x CROSS JOIN events e WHERE "+
		and("e.customer_id = x.customer_id", conds), &n, &first, &last)
	if err != nil {
		return "", err
	}
	if n == 0 {
		return "none", nil
	}
	out := strconv.Itoa(n) + ", last " + when(last.Int64)
	if n == 1 {
		out = "1, " + when(last.Int64)
	}
	if m.First != nil {
		out = "first " + when(first.Int64)
	}
	if m.Aggregate == nil && m.Distinct == nil {
		return out, nil
	}
	value, err := x.gathered(m)
	return value + " over " + out, err
}

// gathered is the aggregate of an event condition, or its number of values.
func (x *explaining) gathered(m campaign.EventMatch) (string, error) {
	b := x.builder(x.campaign)
	query, err := b.passTable([]PassAt{x.pass})
	if err != nil {
		return "", err
	}
	conds, err := b.eventsOf(m)
	if err != nil {
		return "", err
	}
	g, err := b.gather(m, conds)
	if err != nil || g.columns == "" {
		return "", err
	}
	var value sql.NullFloat64
	var n float64
	what := "g.v, g.n"
	if m.Aggregate == nil {
		what = "g.n, g.n"
	}
	// The one row of x stands beside each event.
	err = x.row(b, query+"SELECT "+what+" FROM (SELECT "+g.columns+" FROM x CROSS JOIN events e"+g.lines+" WHERE "+
		and("e.customer_id = x.customer_id", conds)+") g", &value, &n)
	switch {
	case err != nil:
		return "", err
	case m.Aggregate == nil:
		return number(n) + " different", nil
	case !value.Valid:
		return string(m.Aggregate.Func) + " of no amount", nil
	case m.Aggregate.Func == campaign.Avg && n > 0:
		value.Float64 /= n
	}
	return string(m.Aggregate.Func) + " " + number(value.Float64/1e6), nil
}

// fact is the attribute as it was known at the moment, and since when; of a
// nested one that of the object that it lies in.
func (x *explaining) fact(name string) (string, error) {
	kind, text, at, err := x.latest(name)
	if err != nil {
		return "", err
	}
	if head, rest, nested := strings.Cut(name, "."); kind == "" && nested {
		if kind, text, at, err = x.latest(head); err != nil || kind != "object" {
			return nothing, err
		}
		return shown(below(object([]byte(text)), rest)) + since(at), nil
	}
	switch kind {
	case "":
		return nothing, nil
	case "null":
		return "removed" + since(at), nil
	}
	return text + since(at), nil
}

// below is the value at a dotted path: a value, a list on the way whole, or nil.
func below(object map[string]any, path string) any {
	var v any = object
	for key := range strings.SplitSeq(path, ".") {
		inner, ok := v.(map[string]any)
		if !ok {
			break
		}
		v = inner[key]
	}
	return v
}

// mostShown is how many values of a list are shown.
const mostShown = 10

// tested are the values in an object that a test looks at; of a test on lines what
// each line has of it.
func tested(object map[string]any, p campaign.Property) string {
	var all []string
	if len(p.Each) == 0 {
		for _, v := range Found(object, p.Path) {
			all = append(all, shown(v))
		}
	} else {
		for _, v := range unwrap(Found(object, p.Path)) {
			line, ok := v.(map[string]any)
			if !ok {
				continue
			}
			var parts []string
			for _, inner := range p.Each {
				parts = append(parts, inner.Path+" "+tested(line, inner))
			}
			all = append(all, strings.Join(parts, ", "))
		}
	}
	more := ""
	if n := len(all) - mostShown; n > 0 {
		all, more = all[:mostShown], fmt.Sprintf(" and %d more", n)
	}
	if len(all) == 0 {
		return nothing
	}
	return strings.Join(all, "; ") + more
}

// since is from when on a fact holds; what was known from the beginning has no
// moment.
func since(at int64) string {
	if at <= 0 {
		return ""
	}
	return ", since " + when(at)
}

func (x *explaining) latest(name string) (kind, text string, at int64, err error) {
	if !storable(name) {
		return "", "", 0, nil
	}
	b := x.builder(nil)
	err = x.row(b, "SELECT f.kind, f.text, f.at FROM attribute_facts f WHERE "+
		and("f.customer_id = "+b.int(x.pass.Customer), "f.name = "+b.text(name), "f.at <= "+b.int(campaign.Micros(x.pass.AsOf)))+
		" ORDER BY f.at DESC, f.id DESC LIMIT 1", &kind, &text, &at)
	return kind, text, at, err
}

func (x *explaining) computedFound(name string) (string, error) {
	values, err := x.ComputedValue(x.ctx, x.q, []string{name}, []PassAt{x.pass})
	if err != nil {
		return "", err
	}
	return shown(values[x.pass.ID][name]), nil
}

// lastPass is the latest pass through a campaign as of the moment.
func (x *explaining) lastPass(name string) (string, error) {
	b := x.builder(nil)
	if !storable(name) {
		return nothing, nil
	}
	var state, reason string
	var entered int64
	var ended sql.NullInt64
	now := b.int(campaign.Micros(x.pass.AsOf))
	err := x.row(b, "SELECT n.state, n.reason, n.entered_at, n.ended_at FROM enrollments n JOIN campaigns p ON p.id = n.campaign_id WHERE "+
		and("n.customer_id = "+b.int(x.pass.Customer), "p.name = "+b.text(name), "n.entered_at <= "+now)+
		" ORDER BY n.entered_at DESC, n.id DESC LIMIT 1", &state, &reason, &entered, &ended)
	switch {
	case err != nil:
		return "", err
	case state == "":
		return "never entered", nil
	case state == string(campaign.PassHeldOut):
		return "held out " + when(entered), nil
	case ended.Valid && ended.Int64 <= campaign.Micros(x.pass.AsOf):
		if reason != "" {
			state += " (" + reason + ")"
		}
		return state + " " + when(ended.Int64), nil
	}
	return "running since " + when(entered), nil
}

func (x *explaining) drawn(s campaign.Sample) (string, error) {
	ref, err := x.ref()
	if err != nil {
		return "", err
	}
	return "draw " + strconv.FormatFloat(campaign.Draw("sample", s.Seed, ref)*100, 'f', 1, 64) + "%", nil
}

// ref is what draws go by.
func (x *explaining) ref() (string, error) {
	b := x.builder(nil)
	external, found := sql.NullString{}, false
	rows, err := b.query(x.ctx, x.q, "SELECT c.external_id FROM customers c WHERE c.id = "+b.int(x.pass.Customer))
	err = each(rows, err, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&external)
	})
	if err == nil && !found {
		err = errors.New("there is no such customer")
	}
	return CustomerRef(x.pass.Customer, external.String), err
}

// when writes a moment as people read it, in UTC.
func when(us int64) string { return campaign.FromMicros(us).UTC().Format("2006-01-02 15:04") }

func number(f float64) string { return strconv.FormatFloat(math.Round(f*1e6)/1e6, 'f', -1, 64) }

// shown writes a value as it was found.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return nothing
	case string:
		return v
	case float64:
		return number(v)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return when(campaign.Micros(v))
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nothing
	}
	return string(text)
}
