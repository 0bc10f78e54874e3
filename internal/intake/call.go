package intake

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// The events that page and screen calls are.
const (
	PageViewed   = "Page Viewed"
	ScreenViewed = "Screen Viewed"
)

// kinds are the calls that are taken, for errors.
const kinds = "track, identify, page, screen, alias, group, batch"

// ParseCall reads a call of the Segment HTTP API received at now. kind is the
// end of its path (track, identify, page, screen, alias, group, batch, import);
// the items of a batch name theirs in `type`. The call is taken whole or not at
// all; its error names the field, as `batch[3].event is missing`.
//
// A page call is the event Page Viewed, a screen call Screen Viewed. alias
// links previousId with userId. group says nothing of a customer that Tidings
// keeps, and gives no item.
func ParseCall(kind string, body []byte, now time.Time) ([]Item, error) {
	c := call{now: campaign.Moment(now), zones: zones{}}
	if kind == "batch" || kind == "import" {
		return c.batch(body)
	}
	if len(body) > MaxItem {
		return nil, tooLarge("the call", len(body), MaxItem)
	}
	m, err := decodeObject(body)
	if err != nil {
		return nil, below("the body", err)
	}
	return c.item(nil, kind, "the path", m)
}

// call is what the items of a call share.
type call struct {
	now    time.Time
	zones  zones
	sentAt any // of the batch
}

func tooLarge(what string, have, most int) error {
	return &fieldError{what, fmt.Sprintf("has %d bytes; at most %d are taken", have, most)}
}

// batch reads a batch: an object with the list `batch`.
func (c *call) batch(body []byte) ([]Item, error) {
	if len(body) > MaxCall {
		return nil, tooLarge("the batch", len(body), MaxCall)
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return nil, &fieldError{"the body", "is not a JSON object: " + err.Error()}
	}
	if len(whole["batch"]) == 0 {
		return nil, missing("batch")
	}
	var list []json.RawMessage
	if err := json.Unmarshal(whole["batch"], &list); err != nil {
		return nil, &fieldError{"batch", "is not a list"}
	}
	if sent := whole["sentAt"]; sent != nil {
		if err := json.Unmarshal(sent, &c.sentAt); err != nil {
			return nil, &fieldError{"sentAt", "is not a date"}
		}
	}
	items := make([]Item, 0, len(list))
	for i, raw := range list {
		var err error
		if items, err = c.inBatch(items, raw); err != nil {
			return nil, below(fmt.Sprintf("batch[%d]", i), err)
		}
	}
	return items, nil
}

// inBatch reads one item of a batch.
func (c *call) inBatch(items []Item, raw json.RawMessage) ([]Item, error) {
	if len(raw) > MaxItem {
		return nil, tooLarge("", len(raw), MaxItem)
	}
	m, err := decodeObject(raw)
	if err != nil {
		return nil, err
	}
	kind, err := name(m, "type")
	if err != nil {
		return nil, err
	}
	return c.item(items, kind, "type", m)
}

func decodeObject(raw []byte) (map[string]any, error) {
	v, err := decode(raw)
	if err != nil {
		return nil, &fieldError{"", "is not JSON: " + err.Error()}
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, &fieldError{"", "is not an object"}
	}
	return m, nil
}

// item reads one call. where is what named its kind.
func (c *call) item(items []Item, kind, where string, m map[string]any) ([]Item, error) {
	var (
		it  Item
		err error
	)
	switch kind {
	case "track", "page", "screen":
		it.Event, err = c.event(kind, m)
	case "identify":
		it, err = c.identify(m)
	case "alias":
		it.Link, err = alias(m)
	case "group":
		return items, nil
	default:
		return nil, &fieldError{where, fmt.Sprintf("%q is not a call; taken are %s", short(kind), kinds)}
	}
	if err != nil {
		return nil, err
	}
	return append(items, it), nil
}

func (c *call) event(kind string, m map[string]any) (*campaign.Event, error) {
	e := &campaign.Event{KnownAt: c.now}
	var err error
	if kind != "track" || !catalogued(m["event"]) {
		if e.Customer, err = who(m); err != nil {
			return nil, err
		}
	}
	if e.Name, e.Properties, err = named(kind, m); err != nil {
		return nil, err
	}
	typeAmounts(e.Properties)
	if err := product(e); err != nil {
		return nil, below("properties", err)
	}
	if e.UID, err = given(m, "messageId"); err != nil {
		return nil, err
	}
	if e.UID == "" {
		e.UID = freshUID()
	}
	e.OccurredAt, err = c.moment(m)
	return e, err
}

// named is the event of a track, page or screen call.
func named(kind string, m map[string]any) (event string, properties map[string]any, err error) {
	switch kind {
	case "track":
		if event, err = name(m, "event"); err != nil {
			return "", nil, err
		}
	case "page":
		event = PageViewed
	case "screen":
		event = ScreenViewed
	default:
		return "", nil, &fieldError{"type", fmt.Sprintf("%q is not an event; taken are track, page, screen", short(kind))}
	}
	if properties, err = object(m, "properties"); err != nil || kind == "track" {
		return event, properties, err
	}
	title, err := text(m, "name")
	if err == nil && title != "" && properties["name"] == nil {
		properties["name"] = title
	}
	return event, properties, err
}

func (c *call) identify(m map[string]any) (it Item, err error) {
	t := &campaign.Traits{KnownAt: c.now}
	if t.Customer, err = who(m); err != nil {
		return it, err
	}
	if t.Attributes, err = object(m, "traits"); err != nil {
		return it, err
	}
	if t.Attributes, err = attributes(t.Attributes, nil, c.zones); err != nil {
		return it, below("traits", err)
	}
	c.fromContext(t.Attributes, m["context"])
	if t.At, err = c.moment(m); err != nil {
		return it, err
	}
	it.Traits = t
	if t.Customer.ID != "" && t.Customer.AnonymousID != "" {
		it.Link = t.Customer
	}
	return it, nil
}

// fromContext takes the device's locale and time zone where the traits name
// none. A device's odd value is no reason to refuse the call.
func (c *call) fromContext(traits map[string]any, context any) {
	ctx, _ := context.(map[string]any)
	for _, k := range []string{"locale", "timezone"} {
		s, ok := ctx[k].(string)
		if _, own := traits[k]; own || !ok || checkName(k, s) != nil || strings.ContainsRune(s, 0) {
			continue
		}
		if k == "timezone" && c.zones.check(k, s) != nil {
			continue
		}
		traits[k] = s
	}
}

func alias(m map[string]any) (campaign.Ref, error) {
	id, err := name(m, "userId")
	if err != nil {
		return campaign.Ref{}, err
	}
	previous, err := name(m, "previousId")
	return campaign.Ref{ID: id, AnonymousID: previous}, err
}

// who reads the ids of a call; one of the two must be there.
func who(m map[string]any) (ref campaign.Ref, err error) {
	if ref.ID, err = text(m, "userId"); err != nil {
		return ref, err
	}
	if ref.AnonymousID, err = text(m, "anonymousId"); err != nil {
		return ref, err
	}
	switch {
	case ref == campaign.Ref{}:
		return ref, &fieldError{"userId", "is missing, and so is anonymousId"}
	case ref.ID != "":
		if err := checkName("userId", ref.ID); err != nil {
			return ref, err
		}
	}
	if ref.AnonymousID != "" {
		err = checkName("anonymousId", ref.AnonymousID)
	}
	return ref, err
}

// moment is when a call's fact happened, by our clock: the sender's time plus
// what the sender's clock was wrong by as it sent (now - sentAt). A call that
// has been through Segment (receivedAt) is corrected already. What would still
// lie in the future happened now.
func (c *call) moment(m map[string]any) (time.Time, error) {
	key := "timestamp"
	if m["receivedAt"] == nil && m["originalTimestamp"] != nil {
		key = "originalTimestamp"
	}
	if m[key] == nil {
		return c.now, nil
	}
	t, err := when(m, key, nil)
	if err != nil {
		return t, err
	}
	if m["sentAt"] == nil && c.sentAt != nil {
		m["sentAt"] = c.sentAt
	}
	if m["sentAt"] != nil && m["receivedAt"] == nil {
		sent, err := when(m, "sentAt", nil)
		if err != nil {
			return t, err
		}
		t = t.Add(c.now.Sub(sent))
	}
	if t.Sub(c.now) > maxAhead {
		return c.now, nil
	}
	return t, nil
}
