package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/store"
)

// checkData compares what a sound workspace names with what the database holds.
// It never creates or migrates one: where there is none, or it can't be reached,
// it says so and finds nothing, so that a check works without. known are the
// problems found so far; a place that has one gets no second.
func (rt *runtime) checkData(files fs.FS, cat *campaign.Catalog, timeout time.Duration, known []campaign.Problem) ([]campaign.Problem, seenData) {
	ctx, cancel := context.WithTimeout(rt.ctx, timeout)
	defer cancel()
	look := *rt
	look.ctx = ctx
	s, err := look.openData()
	switch {
	case errors.Is(err, errNoDatabase):
		if !rt.json {
			fmt.Fprintf(rt.stderr, "checked without data: %v\n", err)
		}
		return nil, seenData{}
	case ctx.Err() != nil:
		fmt.Fprintf(rt.stderr, "checked without data: the database did not answer within %s\n", timeout)
		return nil, seenData{}
	case err != nil:
		// PostgreSQL's driver says which addresses it tried, a line each.
		fmt.Fprintf(rt.stderr, "checked without data: %s\n", strings.Join(strings.Fields(err.Error()), " "))
		return nil, seenData{}
	}
	defer s.Close()
	d := newDataCheck(ctx, s, cat, known)
	d.all(&look, content.Mentions(files))
	for _, note := range d.notes {
		fmt.Fprintln(rt.stderr, note)
	}
	if len(d.late) > 0 {
		fmt.Fprintf(rt.stderr, "the database took longer than %s; not compared with it: %s; give it more with --data-timeout\n", timeout, strings.Join(d.late, ", "))
	}
	return d.problems, seenData{customers: d.customers > 0, events: len(d.eventNames) > 0}
}

var errNoDatabase = errors.New("no database")

// openData connects to the database if it has the tables of this program.
func (rt *runtime) openData() (*store.Store, error) {
	if _, err := os.Stat(strings.TrimPrefix(rt.cfg.DatabaseURL, "sqlite:")); rt.cfg.SQLite() && errors.Is(err, os.ErrNotExist) {
		return nil, errNoDatabase
	}
	s, err := rt.open()
	if err != nil {
		return nil, err
	}
	if err = s.Current(rt.ctx); err == nil {
		return s, nil
	}
	defer s.Close()
	if s.Ready(rt.ctx) != nil && s.Ping(rt.ctx) == nil {
		return nil, fmt.Errorf("%w with tables of Tidings", errNoDatabase)
	}
	return nil, err
}

// dataCheck is one comparison of a workspace with its data.
type dataCheck struct {
	ctx   context.Context
	store *store.Store
	cat   *campaign.Catalog
	now   time.Time
	asOf  string // added to counts where now is not the real one

	eventNames, attributeNames []string
	events                     map[string][]map[string]any // the latest of each name asked for
	values                     map[string][]any            // those of each attribute asked for
	customers                  int

	problems []campaign.Problem
	empty    []func()        // report who matches nobody; why not takes more time, and comes last
	said     map[string]bool // places and names of which something was said
	notes    []string
	late     []string // what was not looked at in time
}

func newDataCheck(ctx context.Context, s *store.Store, cat *campaign.Catalog, known []campaign.Problem) *dataCheck {
	s.Use(cat)
	d := &dataCheck{
		ctx: ctx, store: s, cat: cat, events: map[string][]map[string]any{}, values: map[string][]any{}, said: map[string]bool{},
	}
	for _, p := range known {
		d.taken(p)
	}
	return d
}

func placed(p campaign.Problem) string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

func (d *dataCheck) taken(p campaign.Problem) { d.said[placed(p)] = true }

// report adds a problem, unless its place has one already.
func (d *dataCheck) report(p campaign.Problem) {
	if !d.said[placed(p)] {
		d.problems = append(d.problems, p)
		d.taken(p)
	}
}

// warn reports what is odd about a mention.
func (d *dataCheck) warn(m content.Mention, hint, format string, args ...any) {
	d.report(campaign.Problem{File: m.File, Line: m.Line, Column: m.Column, Message: fmt.Sprintf(format, args...), Hint: hint, Warning: true})
}

// part looks at one thing, named what, and tells whether all went well. Out of
// time is noted; another error is a problem of the mention, and of none a note.
func (d *dataCheck) part(what string, m *content.Mention, look func() error) bool {
	var err error
	if d.ctx.Err() == nil {
		err = look()
	}
	switch {
	case d.ctx.Err() != nil:
		if !slices.Contains(d.late, what) {
			d.late = append(d.late, what)
		}
		return false
	case err == nil:
		return true
	case m != nil && d.store.Ping(d.ctx) == nil:
		d.report(campaign.Problem{File: m.File, Line: m.Line, Column: m.Column, Message: what + " cannot be worked out: " + err.Error()})
	case !d.said[err.Error()]:
		d.said[err.Error()] = true
		d.notes = append(d.notes, "checked without "+what+": "+err.Error())
	}
	return false
}

// all looks at what is cheap first.
func (d *dataCheck) all(rt *runtime, mentions []content.Mention) {
	if !d.part("the data", nil, func() error { return d.moment(rt) }) {
		return
	}
	d.part("pauses", nil, d.pauses)
	known := d.part("the names of events and attributes", nil, func() (err error) {
		if d.eventNames, err = d.store.EventNames(d.ctx); err == nil {
			d.attributeNames, err = d.store.AttributeNames(d.ctx)
		}
		return err
	})
	counted := d.part("the number of customers", nil, func() (err error) {
		d.customers, err = d.store.Matching(d.ctx, nil, d.now)
		return err
	})
	for _, names := range []struct {
		what string
		n    int
	}{{"events", len(d.eventNames)}, {"attributes", len(d.attributeNames)}} {
		if names.n == store.ManyNames {
			d.notes = append(d.notes, fmt.Sprintf("there are more than %s names of %s: hints know the first ones alone", thousands(store.ManyNames), names.what))
		}
	}
	if known && len(d.eventNames) == 0 {
		d.notes = append(d.notes, "checked without events: none are stored yet")
	}
	if counted && d.customers == 0 {
		d.notes = append(d.notes, "checked without customers: none are stored yet")
	}
	for _, m := range mentions {
		attribute := m.Kind == content.MentionAttribute || m.Kind == content.MentionDeclared
		switch {
		case known && len(d.eventNames) > 0 && (m.Kind == content.MentionEvent || m.Kind == content.MentionTrigger):
			d.event(m)
		case known && len(d.eventNames) > 0 && m.Kind == content.MentionProperty:
			d.property(m)
		case known && counted && d.customers > 0 && attribute:
			d.attribute(m)
		}
	}
	d.names(known && counted && d.customers > 0, known && len(d.eventNames) > 0)
	d.currencies(mentions)
	if counted && d.customers > 0 {
		d.topics()
	}
	for _, m := range mentions {
		if counted && d.customers > 0 && (m.Kind == content.MentionSegment || m.Kind == content.MentionAudience) {
			d.size(m)
		}
	}
	for _, report := range d.empty {
		report()
	}
	d.part("addresses", nil, d.addresses)
}

// pauses notes what a person has stopped: the files alone look as if it ran.
func (d *dataCheck) pauses() error {
	pauses, err := d.store.Pauses(d.ctx)
	for _, name := range sortedKeys(pauses) {
		d.notes = append(d.notes, name+" is "+pauses[name].Report().String())
	}
	return err
}

// moment takes now: a simulation's last tick, which is then said, or the time.
func (d *dataCheck) moment(rt *runtime) (err error) {
	if d.now, err = rt.reportNow(d.store); err != nil {
		return err
	}
	mode, err := d.store.Mode(d.ctx)
	if mode == store.Simulated {
		d.asOf = ", as of " + d.now.Format(time.RFC3339)
	}
	return err
}
