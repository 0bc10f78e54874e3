package content

import (
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// theCart stands for the events of a cart, whose properties are those of the cart.
const theCart = "the cart"

// codeKind is the kind of a property that names something: a text, or a number
// where the shop counts its orders and products.
const codeKind campaign.Kind = "code"

// standardKinds are the kinds of the properties that the events known by name have,
// by the last part of their path. Source: Segment's e-commerce spec, version 2.
func standardKinds() map[campaign.Kind][]string {
	return map[campaign.Kind][]string{
		campaign.Number: {
			"total", "value", "revenue", "subtotal", "shipping", "tax", "discount", "price", "amount",
			"quantity", "position", "rating", "score", "stock", "views", "gap_days",
		},
		campaign.Text: {
			"name", "category", "brand", "currency", "coupon", "url", "image_url", "affiliation",
			"campaign", "step", "topic", "survey",
		},
		codeKind: {"order_id", "checkout_id", "cart_id", "product_id", "sku", "variant"},
	}
}

// standardAttributes are those that customers have without anybody's declaring them.
func standardAttributes() map[string]campaign.Kind { return campaign.StandardAttributes() }

// kinds compares what tests take for granted with what is known of attributes and
// properties, and with each other.
type kinds struct {
	*workspaceFiles
	standard map[string]campaign.Kind
	first    map[string]earlier
}

// earlier is the first test that took something for granted.
type earlier struct {
	claim claim
	file  string
	at    place
}

// kinds checks every test of a workspace by the kind of what it tests.
func (w *workspaceFiles) kinds() {
	k := kinds{workspaceFiles: w, standard: map[string]campaign.Kind{}, first: map[string]earlier{}}
	for kind, names := range standardKinds() {
		for _, name := range names {
			k.standard[name] = kind
		}
	}
	k.file(w.workspace.source, nil)
	for _, f := range w.segments {
		k.file(f.source, nil)
	}
	for _, f := range w.campaigns {
		k.file(f.source, anchorEvents(f.campaign.Trigger))
	}
}

// anchorEvents are the events that a trigger's properties are those of.
func anchorEvents(t campaign.Trigger) []string {
	switch t := t.(type) {
	case nil:
		return nil
	case campaign.AbandonedCart:
		return []string{theCart}
	case campaign.OnProduct:
		if t.Drop > 0 {
			return []string{campaign.ProductPriceChanged}
		}
		return []string{campaign.ProductBackInStock}
	}
	return t.AnchorNames()
}

func (k kinds) file(s *source, anchor []string) {
	uses := slices.Clone(s.uses)
	slices.SortStableFunc(uses, func(a, b use) int {
		if a.at.line != b.at.line {
			return a.at.line - b.at.line
		}
		return a.at.column - b.at.column
	})
	for _, u := range uses {
		if u.anchor {
			u.events = anchor
		}
		if u.attribute {
			k.attribute(s.file, u)
		} else {
			k.property(s.file, u)
		}
	}
}

func (k kinds) attribute(file string, u use) {
	what, ws := "attribute "+u.name, &k.workspace.workspace
	if c, ok := ws.ComputedAttribute(u.name); ok {
		if u.told {
			k.ps.errorf(file, u.nameAt, "name one that the shop tells, or use another trigger with after:",
				"%s is computed, and its day is not known beforehand", what)
			return
		}
		k.fits(file, u, what, c.Kind, true)
		k.among(file, u, what, c.In)
		return
	}
	if k.unknown(file, u) {
		return
	}
	if kind := standardAttributes()[u.name]; kind != "" {
		k.fits(file, u, what, kind, false)
		return
	}
	if declared := ws.Attributes[u.name]; declared.Kind != "" {
		k.fits(file, u, what, declared.Kind, false)
		var in []string
		for _, v := range declared.In {
			in = append(in, v.Text)
		}
		k.among(file, u, what, in)
		return
	}
	k.same(file, u, what, what)
}

// unknown reports an attribute that there is not.
func (k kinds) unknown(file string, u use) bool {
	ws := &k.workspace.workspace
	family, _, dotted := strings.Cut(u.name, ".")
	switch family {
	case "orders", "rfm", "mail", "favourite":
		if !dotted {
			break
		}
		var siblings []string
		for _, name := range ws.ComputedNames() {
			if strings.HasPrefix(name, family+".") {
				siblings = append(siblings, name)
			}
		}
		k.ps.errorf(file, u.nameAt, suggest(u.name, siblings), "unknown computed attribute %q", shortened(u.name))
		return true
	case "consent":
		if !dotted || !k.workspace.known {
			break
		}
		topic := strings.TrimPrefix(u.name, "consent.")
		k.ps.errorf(file, u.nameAt, suggest(topic, sorted(ws.Topics)), "unknown topic %q in attribute %s", shortened(topic), shortened(u.name))
		return true
	}
	if len(ws.Attributes) == 0 {
		return false
	}
	if _, declared := ws.Attributes[u.name]; declared || standardAttributes()[u.name] != "" {
		return false
	}
	known := append(sorted(ws.Attributes), ws.ComputedNames()...)
	known = append(known, sorted(standardAttributes())...)
	hint := "declare it in " + workspaceFile + " under attributes"
	if near := campaign.Nearest(u.name, known); near != "" {
		hint = "did you mean " + quote(near) + "? Else " + hint
	}
	k.ps.errorf(file, u.nameAt, hint, "unknown attribute %q", shortened(u.name))
	return true
}

func (k kinds) property(file string, u use) {
	what := "property " + u.name
	for _, event := range u.events {
		if event == theCart || contains(knownEvents(), event) {
			if kind := k.standard[u.name[strings.LastIndex(u.name, ".")+1:]]; kind != "" {
				if !k.fits(file, u, what, kind, false) {
					return
				}
				continue
			}
		}
		if event != "" && !k.same(file, u, event+"\x00"+u.name, what+" of "+event) {
			return
		}
	}
}

// fits reports a test that values of a known kind cannot pass.
func (k kinds) fits(file string, u use, what string, kind campaign.Kind, computed bool) bool {
	claims, places := []claim{u.claim}, []place{u.at}
	if compares(u.test.Op) || u.claim.list {
		claims, places = nil, nil
		for i, v := range u.test.Values {
			c := claimOfValues([]campaign.Value{v})
			c.list = u.claim.list
			claims, places = append(claims, c), append(places, u.place(i))
		}
	}
	for i, c := range claims {
		if !c.fits(kind, u) {
			if c.list && kind != campaign.DaysKind {
				c.cannot = "be asked which values it has"
			}
			k.ps.errorf(file, places[i], c.hint(kind, u, i), "%s is %s and cannot %s", what, article(kind), c.cannot)
			return false
		}
		if computed && kind == campaign.Time && compares(u.test.Op) {
			k.ps.errorf(file, places[i], kindHints()[kind], "%s is a moment, which no date is equal to", what)
			return false
		}
	}
	return true
}

// compares tells whether an operator asks for equality, so that its operands can
// be of any kind.
func compares(op campaign.Op) bool {
	return op == campaign.OpIs || op == campaign.OpIsNot || op == campaign.OpIn || op == campaign.OpNotIn
}

// fits tells whether values of kind can be what the claim takes for granted.
func (c claim) fits(kind campaign.Kind, u use) bool {
	// On the way through a list of objects each value is an element of a list.
	throughList := !u.attribute && strings.Contains(u.name, ".")
	switch {
	case c.kind == "" && !c.list && !c.objects && !c.order:
		return true
	case c.order:
		return kind == campaign.Number || kind == campaign.Time || kind == campaign.DaysKind
	case c.objects:
		return false
	case kind == campaign.ListKind:
		return c.list
	case c.list && !throughList:
		return false
	case c.kind == "":
		return true
	}
	switch kind {
	case campaign.DaysKind:
		return c.kind == campaign.Number
	case campaign.Time:
		return c.kind == campaign.Time || c.date
	case codeKind:
		return c.kind == campaign.Text || c.kind == campaign.Number && (compares(u.test.Op) || c.list)
	}
	return c.kind == kind
}

func kindHints() map[campaign.Kind]string {
	return map[campaign.Kind]string{
		campaign.Text:     "use is, is_not, in, not_in, contains, starts_with or matches",
		codeKind:          "use is, is_not, in, not_in, contains, starts_with or matches",
		campaign.Number:   "use is, in, at_least, at_most, above, below or between with numbers",
		campaign.DaysKind: "use at_least, at_most, above, below or between with days, as in 7d",
		campaign.Bool:     "write is: true or is: false",
		campaign.Time:     "use before, after, between, within, within_next or anniversary_within",
		campaign.ListKind: "use has or has_any",
	}
}

// hint is what to write instead of a test that kind cannot pass; i is the operand.
func (c claim) hint(kind campaign.Kind, u use, i int) string {
	if c.instead != "" {
		return c.instead
	}
	if i < len(u.test.Values) && compares(u.test.Op) {
		text := u.test.Values[i].Text
		if _, numeric := number(text); numeric && kind == campaign.Number {
			return "take the quotes off"
		}
		if kind == campaign.Text {
			return `write "` + text + `" in quotes`
		}
	}
	return kindHints()[kind]
}

// among reports an operand that an attribute with only the values in never has.
func (k kinds) among(file string, u use, what string, in []string) {
	if len(in) == 0 || !compares(u.test.Op) && !u.claim.list {
		return
	}
	for i, v := range u.test.Values {
		if !contains(in, v.Text) {
			never := "is never"
			if u.claim.list {
				never = "never has"
			}
			k.ps.errorf(file, u.place(i), suggest(v.Text, in), "%s %s %q", what, never, shortened(v.Text))
		}
	}
}

// same reports a test that takes something else for granted than an earlier one.
func (k kinds) same(file string, u use, key, what string) bool {
	c := u.claim
	if c.kind == "" && !c.list && !c.objects && !c.order {
		return true
	}
	before, known := k.first[key]
	if known && before.claim.contradicts(c, !u.attribute && strings.Contains(u.name, ".")) {
		k.ps.errorf(file, u.at, before.claim.reconcile(c),
			"%s is tested as %s here and as %s in %s:%d", what, c, before.claim, before.file, before.at.line)
		return false
	}
	if !known || before.claim.vague() && !c.vague() {
		k.first[key] = earlier{c, file, u.at}
	}
	return true
}

// reconcile is what to do about two claims that contradict each other.
func (c claim) reconcile(d claim) string {
	switch {
	case c.objects || d.objects:
		return "test it as the same in both"
	case c.list != d.list:
		return "use has or has_any in both if it is a list"
	}
	return "test it as the same in both; a number in quotes is a text"
}

// vague tells whether a claim leaves open of which kind the values are.
func (c claim) vague() bool { return c.date || c.order || c.kind == "" && !c.objects }

func (c claim) contradicts(d claim, throughList bool) bool {
	switch {
	case c.objects || d.objects:
		return c.objects != d.objects
	case c.list != d.list && !throughList:
		return true
	case c.order || d.order:
		return !c.ordered() || !d.ordered()
	case c.kind == "" || d.kind == "" || c.kind == d.kind:
		return false
	}
	return !(c.date && d.kind == campaign.Time || d.date && c.kind == campaign.Time)
}

// ordered tells whether the values can be numbers or dates.
func (c claim) ordered() bool {
	return c.order || c.date || c.kind == campaign.Number || c.kind == campaign.Time
}

func (c claim) String() string {
	switch {
	case c.objects:
		return "a list of objects"
	case c.list:
		return "a list"
	case c.order:
		return "a number or date"
	}
	return article(c.kind)
}
