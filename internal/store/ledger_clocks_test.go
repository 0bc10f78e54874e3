package store_test

import (
	"fmt"
	"testing"
	"time"

	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// Minute by minute through the nights in which clocks change: each mail goes in the
// very minute in which it may, by the clocks of its customer.
func TestClocksChange(t *testing.T) {
	t.Parallel()
	const spread = 3 * time.Minute
	for _, c := range []struct {
		zone, begin       string // noon there, the day before
		night, window, at string // the end of quiet hours (03:30), the window's opening (05:00), send_at (02:15)
		squeezed          bool   // the window opens within an hour of the night's end
	}{
		// 03:00 becomes 04:00: the night ends with the gap, an hour before the window opens.
		{"Europe/Athens", "2026-03-28T10:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z", "2026-03-29T00:15:00Z", true},
		// 04:00 becomes 03:00: the night ends at the first 03:30.
		{"Europe/Athens", "2026-10-24T09:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z", "2026-10-24T23:15:00Z", false},
		// 02:00 becomes 03:00: there is no 02:15, the gap's end stands for it.
		{"America/New_York", "2026-03-07T17:00:00Z", "2026-03-08T07:30:00Z", "2026-03-08T09:00:00Z", "2026-03-08T07:00:00Z", false},
		// 02:00 becomes 01:00.
		{"America/New_York", "2026-10-31T16:00:00Z", "2026-11-01T08:30:00Z", "2026-11-01T10:00:00Z", "2026-11-01T07:15:00Z", false},
		// 02:00 becomes 02:30, half an hour.
		{"Australia/Lord_Howe", "2026-10-03T01:30:00Z", "2026-10-03T16:30:00Z", "2026-10-03T18:00:00Z", "2026-10-03T15:30:00Z", false},
		// 02:00 becomes 01:30.
		{"Australia/Lord_Howe", "2026-04-04T01:00:00Z", "2026-04-04T17:00:00Z", "2026-04-04T18:30:00Z", "2026-04-04T15:45:00Z", false},
	} {
		t.Run(fmt.Sprintf("%s in %s", c.zone, c.begin[:7]), func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newDesk(t, s, map[string]string{
					"quiet":  onGo(sendOne),
					"window": onGo("send_window: { from: 05:00, to: 05:30 }", sendOne),
					"at":     transactional + "steps: [ { send: one, send_at: 02:15 } ]",
				}, "quiet_hours: { from: 21:00, to: 03:30 }", "cap: 1 per 1h")
				begin, night := moment(t, c.begin), moment(t, c.night)
				d.now = begin
				d.join("day", "late")
				for _, who := range []string{"day", "late"} {
					d.identify(who, fmt.Sprintf(`{"timezone":%q}`, c.zone))
				}
				d.track("day", "Go", "")
				sent := map[string]time.Time{}
				for minute := 0; minute < 20*60; minute++ {
					d.now = begin.Add(time.Duration(minute) * time.Minute)
					if minute == 10*60 { // 22:00 there
						d.track("late", "Go", "")
					}
					// Where nothing is due a round finds nothing; now and then it is asked.
					if minute%60 != 0 && d.ripe() == 0 {
						continue
					}
					for _, o := range d.work(0) {
						d.send(o)
						key := o.Customer.ExternalID + " " + o.Campaign
						if before, twice := sent[key]; twice {
							t.Errorf("%s sent at %s and at %s", key, before, d.now)
						}
						sent[key] = d.now
					}
				}
				goes := func(key string, from time.Time, within time.Duration) {
					t.Helper()
					if at, ok := sent[key]; !ok || at.Before(from) || at.Sub(from) >= within+time.Minute || within == 0 && !at.Equal(from) {
						t.Errorf("%s: sent %s (%t), want %s", key, at.Format(time.RFC3339), ok, from.Format(time.RFC3339))
					}
				}
				opens := moment(t, c.window)
				goes("day quiet", begin, 0)
				goes("day window", opens, spread)
				goes("day at", moment(t, c.at), 0)
				goes("late quiet", night, spread)
				goes("late at", moment(t, c.at), 0)
				// The cap gives the hour after the night's mail back before the window's.
				free := sent["late quiet"].Add(time.Hour)
				if squeezed := free.After(opens); squeezed != c.squeezed {
					t.Errorf("the cap frees at %s, the window opens at %s", free, opens)
				} else if squeezed {
					opens = free
				}
				goes("late window", opens, spread)
				if len(sent) != 6 {
					t.Errorf("%d mails: %v", len(sent), sent)
				}
			})
		})
	}
}

// ripe counts the messages that are due.
func (d *desk) ripe() (n int) {
	d.t.Helper()
	if err := store.RawDB(d.Store).QueryRow(`SELECT count(*) FROM messages WHERE state = 'pending' AND due_at <= $1`, d.now.UnixMicro()).Scan(&n); err != nil {
		d.t.Fatal(err)
	}
	return n
}
