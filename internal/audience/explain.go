package audience

import (
	"context"
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

// Explain judges cond for one pass, and each condition below it by itself, with
// the values found as of p.AsOf. c is the campaign whose pass it is, nil for a
// plain customer.
func (e *Evaluator) Explain(ctx context.Context, q Querier, c *campaign.Campaign, cond campaign.Condition, p PassAt) (campaign.Judged, error) {
	x := &explaining{Evaluator: e, ctx: ctx, q: q, campaign: c, pass: p}
	x.pass.ID = 1
	j, err := x.judge(cond)
	if err != nil {
		return j, fmt.Errorf("explain %q: %w", campaign.Describe(cond), err)
	}
	return j, nil
}

// Cancelled is what cancelled the occurrence p of c's trigger as of p.AsOf: the
// event's name and moment; name is empty when nothing did, or nothing that is an
// event of its own.
func (e *Evaluator) Cancelled(ctx context.Context, q Querier, c *campaign.Campaign, p PassAt) (name string, at time.Time, err error) {
	b := e.builder(c)
	from := b.cancels(c.Trigger)
	if from == "" {
		return "", at, nil
	}
	query, err := b.passTable([]PassAt{p})
	if err != nil {
		return "", at, err
	}
	order := " ORDER BY k.occurred_at, k.id LIMIT 1)"
	var found sql.NullString
	var us sql.NullInt64
	x := &explaining{Evaluator: e, ctx: ctx, q: q}
	if err := x.row(b, query+"SELECT (SELECT k.name"+from+order+", (SELECT k.occurred_at"+from+order+" FROM x", &found, &us); err != nil {
		return "", at, fmt.Errorf("find what cancelled: %w", err)
	}
	return found.String, campaign.FromMicros(us.Int64), nil
}

// LatestAnchor is the last event of a customer that can be an anchor of c's
// trigger, as known at asOf, with its name; ok is false when there is none, as
// for a trigger whose anchors are no events of the customer.
func (e *Evaluator) LatestAnchor(ctx context.Context, q Querier, c *campaign.Campaign, customer int64, asOf time.Time) (p PassAt, name string, ok bool, err error) {
	names := c.Trigger.AnchorNames()
	if len(names) == 0 {
		return p, "", false, nil
	}
	b := e.builder(c)
	now := b.int(campaign.Micros(asOf))
	p = PassAt{ID: 1, Customer: customer, AsOf: asOf}
	var us int64
	var properties []byte
	x := &explaining{Evaluator: e, ctx: ctx, q: q}
	err = x.row(b, "SELECT e.name, e.occurred_at, e.properties FROM events e WHERE "+
		and("e.customer_id = "+b.int(customer), "e.name IN "+b.names(names), "e.occurred_at <= "+now, "e.known_at <= "+now)+
		" ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1", &name, &us, &properties)
	if err != nil {
		return p, "", false, fmt.Errorf("find the latest anchor: %w", err)
	}
	p.Anchor, p.Trigger = campaign.FromMicros(us), json.RawMessage(properties)
	return p, name, name != "", nil
}

// explaining is one customer's explanation under way.
type explaining struct {
	*Evaluator
	ctx      context.Context
	q        Querier
	campaign *campaign.Campaign
	pass     PassAt
}

func (x *explaining) judge(cond campaign.Condition) (campaign.Judged, error) {
	j := campaign.Judged{Condition: campaign.Describe(cond)}
	held, err := x.Holds(x.ctx, x.q, x.campaign, cond, []PassAt{x.pass})
	if err != nil {
		return j, err
	}
	j.Holds = held[1]
	parts := x.parts(cond)
	for _, part := range parts {
		one, err := x.judge(part)
		if err != nil {
			return j, err
		}
		j.Parts = append(j.Parts, one)
	}
	if len(parts) == 0 {
		j.Found, err = x.found(cond)
	}
	return j, err
}

// parts are the conditions that cond is made of.
func (x *explaining) parts(cond campaign.Condition) []campaign.Condition {
	switch c := cond.(type) {
	case campaign.All:
		return c
	case campaign.Any:
		return c
	case campaign.Not:
		return []campaign.Condition{c.Of}
	case campaign.InSegment:
		if s, ok := x.cat.Segments[c.Segment]; ok && s.Match != nil {
			return []campaign.Condition{s.Match}
		}
	}
	return nil
}

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
		return shown(below(object(x.pass.Trigger), c.Path)), nil
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

// row reads the one row of a statement.
func (x *explaining) row(b *builder, query string, dest ...any) error {
	rows, err := b.query(x.ctx, x.q, query)
	return each(rows, err, func(rows *sql.Rows) error { return rows.Scan(dest...) })
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
