package store_test

import (
	"context"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// Whoever leaves a topic by an event stays out of it under the same address,
// whatever a file says of it later, until they subscribe anew.
func TestUnsubscribeOutlivesTheCustomer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		at := func(h int) time.Time { return start.Add(time.Duration(h) * time.Hour) }
		identify := func(id string, h int) intake.Item {
			return intake.Item{Traits: &campaign.Traits{Customer: campaign.Ref{ID: id}, At: at(h), KnownAt: at(h),
				Attributes: map[string]any{"email": "ana@example.com"}}}
		}
		says := func(id, name, topic string, h int) intake.Item {
			return intake.Item{Event: &campaign.Event{UID: id + name + topic, Customer: campaign.Ref{ID: id}, Name: name,
				OccurredAt: at(h), KnownAt: at(h), Properties: map[string]any{"topic": topic}}}
		}
		accept := func(items ...intake.Item) {
			t.Helper()
			if err := s.Accept(ctx, items); err != nil {
				t.Fatal(err)
			}
		}
		want := func(id, topic, why string) {
			t.Helper()
			got, err := store.WhyUnreachable(ctx, s, id, topic, at(100))
			if err != nil {
				t.Fatal(err)
			}
			if got != why {
				t.Errorf("%s about %s: %q, want %q", id, topic, got, why)
			}
		}
		accept(identify("a", 0), says("a", campaign.Subscribed, "offers", 1), says("a", campaign.Subscribed, "news", 1))
		want("a", "offers", "")
		accept(says("a", campaign.Unsubscribed, "offers", 2))
		want("a", "offers", "suppressed")
		want("a", "news", "")
		// The same address as another customer, with a consent of before.
		accept(identify("b", 0), says("b", campaign.Subscribed, "offers", 1))
		want("b", "offers", "suppressed")
		accept(says("b", campaign.Subscribed, "*", 3))
		want("b", "offers", "")
		// All marketing off, then one topic back.
		accept(says("b", campaign.Unsubscribed, "*", 4))
		want("b", "offers", "suppressed")
		want("b", "news", "suppressed")
		want("b", "", "") // transactional
		accept(says("b", campaign.Subscribed, "news", 5))
		want("b", "offers", "suppressed")
		want("b", "news", "")
	})
}
