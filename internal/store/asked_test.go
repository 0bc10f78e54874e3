package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// asks has forms filled in by a write key, one after the other.
func (d *desk) asks(key int, from, to int, more string) {
	d.t.Helper()
	for i := from; i < to; i++ {
		for _, c := range [][2]string{
			{"identify", fmt.Sprintf(`{"userId":"u%d","traits":{"email":"u%d@kape.example"}}`, i, i)},
			{"track", fmt.Sprintf(`{"userId":"u%d","event":"Subscribed","properties":{"topic":"offers"%s}}`, i, more)},
		} {
			d.by(key, c[0], c[1])
		}
	}
}

// by accepts a call with a write key.
func (d *desk) by(key int, kind, body string) {
	d.t.Helper()
	items, err := intake.ParseCall(kind, []byte(body), d.now)
	for i := range items {
		items[i].Key = key
	}
	if err == nil {
		err = d.Accept(d.t.Context(), items)
	}
	if err != nil {
		d.t.Fatalf("%s: %v", body, err)
	}
}

const requests = `SELECT count(*) FROM events WHERE name = 'Mail Requested'`

// An address is asked once a day until it has answered, whoever it belongs to and
// whatever became of them.
func TestOneQuestionADay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)}, "topics: { offers: { opt_in: double }, news: { opt_in: double }, tips: { opt_in: double } }")
		subscribe := func(who, topic, want string) {
			t.Helper()
			d.identify(who, `{"email":"victim@kape.example"}`)
			d.track(who, "Subscribed", `{"topic":"`+topic+`"}`)
			d.identify(who, `{"email":"`+who+`@kape.example"}`) // and off again
			d.now = d.now.Add(3 * time.Hour)
			is(t, s, []string{want}, requests)
		}
		subscribe("one", "offers", "1")
		subscribe("one", "news", "1")
		subscribe("two", "offers", "1")
		exec(t, s, `DELETE FROM customers WHERE external_id = 'one'`)
		subscribe("three", "tips", "0")
		d.now = d.now.Add(24*time.Hour - 12*time.Hour)
		subscribe("four", "tips", "1")
		counts, err := s.Unasked(t.Context(), d.now.Add(-48*time.Hour))
		if err != nil || len(counts) == 0 || counts[0].Why != "address" || counts[0].Mail != campaign.ServiceConfirm || counts[0].Count+counts[len(counts)-1].Count < 3 {
			t.Errorf("%+v, %v", counts, err)
		}
	})
}

// Who is erased takes along what was asked of the address that they have, and not what
// was asked of one that they only said was theirs.
func TestAskedIsErased(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)
		d.identify("ana", `{"email":"victim@kape.example"}`)
		d.now = d.now.Add(time.Second)
		d.track("ana", "Subscribed", `{"topic":"offers"}`)
		d.mailed(campaign.ServiceConfirm)
		d.identify("ana", `{"email":"ana@kape.example"}`)
		d.now = d.now.Add(time.Second)
		d.track("ana", "Subscribed", `{"topic":"offers"}`)
		is(t, s, []string{"2"}, requests)
		if err := s.EraseCustomer(t.Context(), d.customer("ana"), "olga", d.now); err != nil {
			t.Fatal(err)
		}
		is(t, s, []string{campaign.AddressHash("victim@kape.example")}, `SELECT email_hash FROM asked`)
		d.identify("ben", `{"email":"victim@kape.example"}`)
		d.now = d.now.Add(time.Second)
		d.track("ben", "Subscribed", `{"topic":"offers"}`)
		is(t, s, []string{"0"}, requests)
	})
}

// Nor is it asked more often by many at once.
func TestOneQuestionAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)
		for i := range 12 {
			d.identify(fmt.Sprint("u", i), `{"email":"victim@kape.example"}`)
		}
		d.now = d.now.Add(time.Minute)
		var group sync.WaitGroup
		for i := range 12 {
			group.Go(func() {
				items, err := intake.ParseCall("track", fmt.Appendf(nil, `{"userId":"u%d","event":"Subscribed","properties":{"topic":"offers"}}`, i), d.now)
				if err == nil {
					err = s.Accept(t.Context(), items)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		is(t, s, []string{"1"}, requests)
	})
}

// What was asked for at once is one question, and who answers may be asked again.
func TestOneQuestionOfSeveralTopics(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := reach{newDesk(t, s, map[string]string{"a": began("A", sendOne)}, "topics: { offers: { opt_in: double }, news: { opt_in: double }, tips: { opt_in: double } }")}
		d.identify("ana", `{"email":"ana@kape.example"}`)
		d.now = d.now.Add(time.Second)
		call(t, s, d.now, "batch", `{"batch":[
			{"type":"track","userId":"ana","event":"Subscribed","properties":{"topic":"offers"}},
			{"type":"track","userId":"ana","event":"Subscribed","properties":{"topic":"news"}}]}`)
		log, _, err := d.ConsentLog(t.Context(), "ana")
		if err != nil || len(log) != 2 || !log[0].Pending || !log[1].Pending || log[0].Topic != "news" || log[1].Topic != "offers" {
			t.Errorf("%+v, %v", log, err)
		}
		d.confirm("ana@kape.example", "news,offers")
		d.may("ana", "offers", "")
		d.may("ana", "news", "")
		d.may("ana", "tips", "no_consent")
		d.track("ana", "Subscribed", `{"topic":"tips"}`)
		d.confirm("ana@kape.example", "tips")
		d.may("ana", "tips", "")
		// Another address for all three is one question more.
		d.identify("ana", `{"email":"new@kape.example"}`)
		d.confirm("new@kape.example", "news,offers,tips")
		d.may("ana", "tips", "")
	})
}

// One write key has so many questions mailed within an hour, and another its own; what
// is kept back is counted, and told of once.
func TestQuestionsOfAKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		store.SetConfirmHourly(s, 3)
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)
		d.asks(2, 0, 6, "")
		is(t, s, []string{"3"}, requests)
		d.asks(1, 6, 8, "")
		is(t, s, []string{"5"}, requests)
		is(t, s, []string{"2 write_key 3"}, `SELECT write_key, why, count FROM unasked`)
		is(t, s, []string{"alarm"}, `SELECT action FROM audit WHERE detail LIKE 'confirm-subscription:%more than 3 %key 2 of WRITE_KEY%'`)
		d.now = d.now.Add(time.Hour)
		d.asks(2, 0, 2, "") // u0 was asked, and has not answered
		d.asks(2, 3, 5, "")
		is(t, s, []string{"7"}, requests)
	})
}

// The event that has a service mail sent is no way round.
func TestMailRequestedIsLimited(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		store.SetConfirmHourly(s, 4)
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)
		ask := func(who, more, want string) {
			t.Helper()
			d.by(1, "track", `{"messageId":"`+who+fmt.Sprintf("%x", more)+`","userId":"`+who+`","event":"Mail Requested","properties":{`+more+`}}`)
			is(t, s, []string{want}, requests)
		}
		for _, who := range []string{"ana", "ben", "cid", "dan"} {
			d.identify(who, `{"email":"`+who+`@kape.example"}`)
		}
		ask("ana", `"mail":"preferences-link"`, "1")
		ask("ana", `"mail":"preferences-link"`, "1") // sent again by a client
		ask("ana", `"mail":"preferences-link","x":1`, "1")
		ask("ana", `"mail":"confirm-subscription","topic":"offers"`, "2")
		ask("ana", `"mail":"confirm-subscription","topic":"news"`, "2")
		ask("ana", `"mail":"confirm-address","email":"victim@kape.example"`, "3")
		ask("ben", `"mail":"confirm-address","email":"Victim@kape.example"`, "3")
		ask("cid", `"mail":"preferences-link"`, "4")
		ask("ben", `"mail":"preferences-link"`, "5")
		d.now = d.now.Add(time.Minute * 3)
		ask("dan", `"mail":"preferences-link"`, "6")
		ask("ben", `"mail":"preferences-link","x":2`, "6") // the fifth of an hour
		ask("ben", `"mail":"a-template-of-the-shop"`, "7")
	})
}

// What was asked for is forgotten after a day.
func TestAskedIsSwept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)
		d.asks(1, 0, 2, "")
		is(t, s, []string{"2"}, `SELECT count(*) FROM asked`)
		d.sweep(0)
		is(t, s, []string{"2"}, `SELECT count(*) FROM asked`)
		d.now = d.now.Add(24*time.Hour + time.Microsecond)
		d.sweep(0)
		is(t, s, []string{"0"}, `SELECT count(*) FROM asked`)
	})
}
