package cli

import (
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/store"
)

type segmentsCmd struct {
	At moment `help:"As of this moment, instead of now (a simulation's last tick)." placeholder:"TIME"`
}

// segmentSize is a segment in `segments --json`.
type segmentSize struct {
	Segment string  `json:"segment"`
	Label   string  `json:"label"`
	Size    int     `json:"size"`
	Share   float64 `json:"share"` // of all customers, 0 to 1
}

// Run lists the segments with their sizes.
func (c *segmentsCmd) Run(rt *runtime) error {
	cat, s, at, err := rt.look(c.At)
	if err != nil {
		return err
	}
	defer s.Close()
	all, err := s.SegmentSize(rt.ctx, nil, at)
	if err != nil {
		return err
	}
	out := []segmentSize{}
	for _, name := range sortedKeys(cat.Segments) {
		one := segmentSize{Segment: name, Label: cat.Segments[name].Label}
		if one.Size, err = s.SegmentSize(rt.ctx, campaign.InSegment{Segment: name}, at); err != nil {
			return fmt.Errorf("segments/%s.yaml: %w", name, err)
		}
		if all > 0 {
			one.Share = math.Round(float64(one.Size)/float64(all)*1e4) / 1e4
		}
		out = append(out, one)
	}
	if rt.json {
		return rt.printJSON(map[string]any{"at": at, "customers": all, "segments": out})
	}
	width := 0
	for _, one := range out {
		width = max(width, len([]rune(one.Segment)))
	}
	for _, one := range out {
		rt.printf("%-*s  %9s  %5.1f %%  %s\n", width, one.Segment, thousands(one.Size), one.Share*100, one.Label)
	}
	rt.printf("%s at %s\n", count(all, "customer"), at.Format(time.RFC3339))
	return nil
}

type segmentCmd struct {
	Name    string   `arg:"" help:"The segment: its file's name."`
	At      moment   `help:"As of this moment, instead of now (a simulation's last tick)." placeholder:"TIME"`
	Days    int      `help:"Days of history." default:"30" placeholder:"N"`
	Limit   int      `help:"Members to name; 0: all. For people 20, with --csv and --json all unless it is given." default:"-1" placeholder:"N"`
	CSV     bool     `help:"Print the members as CSV." name:"csv"`
	Columns []string `help:"Attributes beside the id in the CSV." placeholder:"NAME,…"`
}

// segmentOutput is what `segment NAME --json` prints.
type segmentOutput struct {
	Segment  string                    `json:"segment"`
	Label    string                    `json:"label"`
	At       time.Time                 `json:"at"`
	Size     int                       `json:"size"`
	Members  []string                  `json:"members"`
	Entered  []string                  `json:"entered"` // since the end of the day before
	Left     []string                  `json:"left"`
	Days     []store.DaySize           `json:"days"` // as of each day's end, today's as of now
	Excluded []audience.ExcludedAmount `json:"excluded,omitempty"`
}

// shownMembers is how many members are named when nobody says.
const shownMembers = 20

// Run says who is in a segment.
func (c *segmentCmd) Run(rt *runtime) error {
	if c.Days < 0 || c.Days > 1000 {
		return usage("--days %d: write 0 to 1000", c.Days)
	}
	if len(c.Columns) > 0 && !c.CSV {
		return usage("--columns is for --csv; add it")
	}
	if c.CSV && rt.json {
		return usage("--csv and --json are two forms; keep one of them")
	}
	cat, s, at, err := rt.look(c.At)
	if err != nil {
		return err
	}
	defer s.Close()
	segment, ok := cat.Segments[c.Name]
	if !ok {
		return &exitError{exitNo, fmt.Sprintf("there is no segment %s; %s", c.Name, nearest(c.Name, sortedKeys(cat.Segments)))}
	}
	in := campaign.InSegment{Segment: c.Name}
	if c.CSV {
		if err := c.knownColumns(rt, cat, s); err != nil {
			return err
		}
		return c.members(rt, s, in, at)
	}
	out := segmentOutput{Segment: c.Name, Label: segment.Label, At: at}
	h, err := s.SegmentHistory(rt.ctx, in, at, c.Days, cat.Workspace.Zone)
	if err != nil {
		return fmt.Errorf("segments/%s.yaml: %w", c.Name, err)
	}
	out.Size, out.Days = len(h.Members), h.Days
	limit := c.Limit
	if limit < 0 {
		limit = shownMembers
		if rt.json {
			limit = 0
		}
	}
	for _, list := range []struct {
		into *[]string
		ids  []int64
	}{{&out.Members, h.Members}, {&out.Entered, h.Entered}, {&out.Left, h.Left}} {
		n := limit
		if n == 0 {
			n = len(list.ids)
		}
		if *list.into, err = rt.labels(s, list.ids, n); err != nil {
			return err
		}
	}
	out.Excluded = h.Excluded
	if rt.json {
		return rt.printJSON(out)
	}
	printSegment(rt, out, len(h.Entered), len(h.Left))
	return nil
}

// look opens what a command needs that only looks.
func (rt *runtime) look(at moment) (*campaign.Catalog, *store.Store, time.Time, error) {
	cat, _, err := rt.catalog()
	if err != nil {
		return nil, nil, time.Time{}, err
	}
	s, err := rt.openExisting()
	if err != nil {
		return nil, nil, time.Time{}, err
	}
	s.Use(cat)
	now := campaign.Moment(at.Time)
	if at.IsZero() {
		if now, err = rt.reportNow(s); err != nil {
			s.Close()
			return nil, nil, now, err
		}
	}
	return cat, s, now, nil
}

// knownColumns refuses a column for an attribute that is neither declared, nor
// worked out, nor was ever told of anybody: it would be empty for everyone.
func (c *segmentCmd) knownColumns(rt *runtime, cat *campaign.Catalog, s *store.Store) error {
	if len(c.Columns) == 0 {
		return nil
	}
	known, err := s.AttributeNames(rt.ctx)
	if err != nil {
		return err
	}
	cut := len(known) == store.ManyNames
	known = append(append(known, sortedKeys(cat.Workspace.Attributes)...), cat.Workspace.ComputedNames()...)
	for _, name := range c.Columns {
		if _, computed := cat.Workspace.ComputedAttribute(name); !computed && !slices.Contains(known, name) {
			if cut { // then it may be one of those that are not listed
				seen, err := s.LatestValues(rt.ctx, name, 1)
				if err != nil {
					return err
				}
				if len(seen) > 0 {
					continue
				}
				return usage("--columns: there is no attribute %s; of more than %s only the first were looked through for one like it%s", name, thousands(store.ManyNames), didYouMean(name, known))
			}
			return usage("--columns: there is no attribute %s; %s", name, nearest(name, known))
		}
	}
	return nil
}

func (c *segmentCmd) members(rt *runtime, s *store.Store, in campaign.Condition, at time.Time) error {
	ids, err := s.SegmentMembers(rt.ctx, in, at)
	if err != nil {
		return fmt.Errorf("segments/%s.yaml: %w", c.Name, err)
	}
	if c.Limit > 0 {
		ids = ids[:min(c.Limit, len(ids))]
	}
	w := csv.NewWriter(rt.stdout)
	if err := w.Write(append([]string{"id"}, c.Columns...)); err != nil {
		return err
	}
	rows, err := s.MemberRows(rt.ctx, ids, c.Columns, at)
	if err != nil {
		return err
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("write members: %w", err)
	}
	return nil
}

func printSegment(rt *runtime, out segmentOutput, entered, left int) {
	rt.printf("%s  %s\n", out.Segment, out.Label)
	rt.printf("  %-7s %s at %s\n", "size", count(out.Size, "customer"), out.At.Format(time.RFC3339))
	if len(out.Days) > 0 {
		sizes := make([]int, len(out.Days))
		for i, d := range out.Days {
			sizes[i] = d.Size
		}
		rt.printf("  %-7s %s  %s to %s\n", "days", sparkline(sizes), out.Days[0].Date, out.Days[len(out.Days)-1].Date)
	}
	rt.printf("  %-7s entered %s%s · left %s%s\n", "today", thousands(entered), who(out.Entered, entered), thousands(left), who(out.Left, left))
	rt.printf("  %-7s %s\n", "members", memberList(out))
	for _, x := range out.Excluded {
		rt.printf("  without the amounts of %s in %s: there is no rate for it; add one to the file of `rates:`\n", count(x.Events, "event"), x.Currency)
	}
}

func memberList(out segmentOutput) string {
	if out.Size == 0 {
		return "nobody"
	}
	text := ""
	for i, m := range out.Members {
		if i > 0 {
			text += ", "
		}
		text += m
	}
	if rest := out.Size - len(out.Members); rest > 0 {
		text += fmt.Sprintf(" and %s more (--limit 0, or --csv)", thousands(rest))
	}
	return text
}

// sparkline draws sizes in one line, a bar for each.
func sparkline(sizes []int) string {
	most := 0
	for _, n := range sizes {
		most = max(most, n)
	}
	out := make([]rune, len(sizes))
	for i, n := range sizes {
		out[i] = bar(float64(n), float64(most))
	}
	return string(out)
}
