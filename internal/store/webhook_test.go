package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// What a provider has delivered went out, whatever we know of its hand-over.
func TestArrived(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(sendOne)})
		d.join("ana")
		arrives := func(id int64, want campaign.Outcome, err error) {
			t.Helper()
			if got, e := d.Arrived(t.Context(), id, d.now); got != want || !errors.Is(e, err) {
				t.Errorf("%+v, %v; want %+v, %v", got, e, want, err)
			}
		}
		o := d.sentOne()
		arrives(o.ID, campaign.Outcome{Found: true}, nil)
		arrives(o.ID+1000, campaign.Outcome{}, nil)
		state := func(state string, uncertain int) {
			t.Helper()
			if _, err := store.RawDB(s).Exec(`UPDATE messages SET state = $2, uncertain = $3, uncertain_at = $4, done_at = NULL WHERE id = $1`, o.ID, state, uncertain, campaign.Micros(d.now)); err != nil {
				t.Fatal(err)
			}
		}
		state("handoff", 0)
		arrives(o.ID, campaign.Outcome{}, campaign.ErrUnderWay)
		state("uncertain", 1)
		arrives(o.ID, campaign.Outcome{Found: true, New: true}, nil)
		is(t, s, []string{"accepted evidence"}, `SELECT state || ' ' || reason FROM messages`)
		arrives(o.ID, campaign.Outcome{Found: true}, nil)
	})
}

// An unsubscribe that is told again does not undo that the customer came back.
func TestUnsubscribeOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(sendOne)})
		d.join("ana")
		o := d.sentOne()
		leave := func(uid string, fresh bool) {
			t.Helper()
			d.now = d.now.Add(time.Minute)
			if got, err := d.UnsubscribeOnce(t.Context(), o.ID, true, campaign.Hit{At: d.now}, uid); err != nil || got != fresh {
				t.Errorf("%s: %v, %v", uid, got, err)
			}
		}
		given := `SELECT CASE WHEN given THEN 'yes' ELSE 'no' END FROM consents ORDER BY id DESC LIMIT 1`
		leave("hook:a", true)
		is(t, s, []string{"no"}, given)
		is(t, s, []string{"@marketing unsubscribed"}, `SELECT topic || ' ' || reason FROM suppressions`)
		d.now = d.now.Add(time.Hour)
		d.track("ana", "Subscribed", "")
		leave("hook:a", false)
		is(t, s, []string{"yes"}, given)
		leave("hook:b", true)
		is(t, s, []string{"no"}, given)
	})
}

func TestWebhookCalls(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		at := t0
		call := func(key, body string, want bool) {
			t.Helper()
			if same, err := s.WebhookCall(ctx, key, body, at); err != nil || same != want {
				t.Errorf("%s %s: %v, %v", key, body, same, err)
			}
		}
		call("a", "1", true)
		call("a", "1", true)
		call("a", "2", false)
		call("b", "2", true)
		at = at.Add(8 * 24 * time.Hour)
		call("c", "1", true) // and forgets what is old
		is(t, s, []string{"c"}, `SELECT key FROM webhook_calls`)

		count := func(event string, n int64) campaign.WebhookCount {
			return campaign.WebhookCount{Provider: "ses", Event: event, TakenAs: "bounce", Count: n, At: at}
		}
		for range 2 {
			if err := s.CountWebhooks(ctx, []campaign.WebhookCount{count("Reject", 1), count("Bounce", 3)}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.WebhookCounts(ctx)
		if want := []campaign.WebhookCount{count("Bounce", 6), count("Reject", 2)}; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	})
}
