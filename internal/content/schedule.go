package content

import (
	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// schedule reads `at` (a moment), or `every` with `day` and `at` (a time of
// day), or `cron`.
func (s *source) schedule(n *yaml.Node) campaign.Trigger {
	f, ok := s.options(n, "schedule", "at", "every", "day", "cron", "after")
	if !ok {
		return nil
	}
	t := campaign.Schedule{After: s.after(f)}
	switch {
	case f.has("cron"):
		s.cron(f, &t)
	case f.has("every"):
		s.every(f, &t)
	case f.has("at"):
		if f.has("day") {
			s.errorf(f.keys["day"], "add every: week or every: month, or take the day out", "day needs every")
			return nil
		}
		t.At = s.localMoment(f.values["at"])
	case !f.odd:
		s.errorf(f.node, "write at: 2026-12-01 09:00, or every: with at: 09:00, or cron", "a schedule does not say when")
	}
	return t
}

func (s *source) cron(f fields, t *campaign.Schedule) {
	for _, other := range f.among([]string{"at", "every", "day"}) {
		s.errorf(f.keys[other], "keep one of them", "a schedule has both cron and %s", other)
	}
	v, ok := s.word(f.values["cron"], "cron")
	if !ok {
		return
	}
	if _, err := campaign.ParseCron(v); err != nil {
		s.errorf(f.values["cron"], "write minute hour day month weekday, as in 0 9 1 * *", "cron: %s", err)
		return
	}
	t.Cron = v
}

func (s *source) every(f fields, t *campaign.Schedule) {
	t.Every = campaign.Every(s.choice(f.values["every"], "every",
		string(campaign.EveryDay), string(campaign.EveryWeek), string(campaign.EveryMonth)))
	if v, ok := f.values["at"]; ok {
		t.Clock = s.clock(v, "at")
	} else if !f.odd {
		s.errorf(f.key("every"), "add at: 09:00", "a repeated schedule does not say at what time")
	}
	v := f.values["day"]
	switch {
	case t.Every == "":
	case t.Every == campaign.EveryDay && v != nil:
		s.errorf(f.keys["day"], "take it out, or write every: week", "every day needs no day")
	case t.Every == campaign.EveryDay:
	case v == nil && !f.odd:
		s.errorf(f.key("every"), "add day: tue for a week; day: 1, last or first tue for a month", "every %s does not say on which day", t.Every)
	case v != nil:
		t.Day = s.dayRule(v, t.Every)
	}
}

func (s *source) dayRule(n *yaml.Node, every campaign.Every) campaign.DayRule {
	v, ok := s.word(n, "day")
	if !ok {
		return campaign.DayRule{}
	}
	if every == campaign.EveryWeek {
		d, err := campaign.ParseDayName(v)
		if err != nil {
			message, hint := splitHint(err)
			s.errorf(n, hint, "day: %s", message)
			return campaign.DayRule{}
		}
		return campaign.DayRule{Weekday: &d}
	}
	r, err := campaign.ParseDayRule(v)
	if err != nil {
		message, hint := splitHint(err)
		s.errorf(n, hint, "day: %s", message)
	} else if r.Weekday != nil && r.Nth == 0 && !r.Last {
		s.errorf(n, "write first "+v+" or last "+v, "a month has several %s", v)
	}
	return r
}

// localMoment reads a moment of the campaign's own zone, to the minute.
func (s *source) localMoment(n *yaml.Node) *campaign.LocalTime {
	const hint = "write 2026-12-01 09:00; the campaign's zone says where"
	v, ok := s.word(n, "at")
	if !ok {
		return nil
	}
	if _, err := campaign.ParseTimeOfDay(v); err == nil {
		s.errorf(n, "add every: day, week or month, or write a date before the time", "at: %s does not say on which day", v)
		return nil
	}
	if len(v) != len("2026-12-01 09:00") {
		s.errorf(n, hint, "at: %q is not a date with a time of day", shortened(v))
		return nil
	}
	t, ok := campaign.ParseMoment(v, nil)
	if !ok {
		s.errorf(n, hint, "at: %q is not a date with a time of day", shortened(v))
		return nil
	}
	l := campaign.LocalOf(t, t.Location())
	return &l
}
