package content

import (
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// workspaceFiles are all files of a workspace, decoded and with their defaults.
type workspaceFiles struct {
	ps        *problems
	workspace *workspaceSource
	campaigns []*campaignFile
	segments  []*segmentFile
	templates *templates
	texts     map[string]map[string]campaign.Phrase // by locale and key
}

// segmentFile is a file of segments/.
type segmentFile struct {
	*source
	segment *campaign.Segment
}

// names lists what can be referred to, by kind, in order.
func (w *workspaceFiles) names() map[refKind][]string {
	names := map[refKind][]string{
		topicRef:    sorted(w.workspace.workspace.Topics),
		senderRef:   sorted(w.workspace.workspace.Senders),
		templateRef: sorted(w.templates.mails),
		eventRef:    knownEvents(),
	}
	for _, f := range w.campaigns {
		names[campaignRef] = append(names[campaignRef], f.campaign.Name)
	}
	for _, f := range w.segments {
		names[segmentRef] = append(names[segmentRef], f.segment.Name)
	}
	return names
}

// validate looks at the workspace as a whole.
func (w *workspaceFiles) validate() {
	names := w.names()
	renamed := w.renames()
	w.references(w.workspace.source, names, renamed)
	w.conditions(w.workspace.source, nil)
	for _, f := range w.segments {
		w.references(f.source, names, renamed)
		w.conditions(f.source, nil)
	}
	w.cycles()
	w.kinds()
	cat := w.catalog()
	for _, f := range w.campaigns {
		w.references(f.source, names, renamed)
		w.conditions(f.source, f.campaign.Trigger)
		if f.root != nil {
			w.validateCampaign(f)
			w.unfollowed(f, cat)
		}
	}
	w.idleIgnores()
	w.validateTemplates()
}

// references looks up every name that a file uses.
func (w *workspaceFiles) references(s *source, names map[refKind][]string, renamed map[string]string) {
	for _, r := range s.refs {
		known := names[r.kind]
		if contains(known, r.name) {
			continue
		}
		switch {
		case (r.kind == topicRef || r.kind == senderRef) && !w.workspace.known:
		case r.kind == eventRef:
			// Shops may have events of their own: only a slip of the pen is worth a word.
			if near := campaign.Nearest(r.name, known); near != "" && slip(r.name, near) {
				w.ps.warnf(s.file, r.at, "did you mean "+quote(near)+"?", "no shop event is known as %q", r.name)
			}
		case r.kind == campaignRef && renamed[r.name] != "":
			w.ps.errorf(s.file, r.at, "write "+renamed[r.name], "campaign %q is now called %q", r.name, renamed[r.name])
		default:
			w.ps.errorf(s.file, r.at, unknownHint(r, known), "unknown %s %q", r.kind, shortened(r.name))
		}
	}
}

// slip tells whether a name is so near to a known one that it is probably meant.
func slip(name, known string) bool { return campaign.Distance(name, known) <= 2 }

func unknownHint(r reference, known []string) string {
	if len(known) > 0 || !isNameOrPath(r.name) {
		return suggest(r.name, known)
	}
	switch r.kind {
	case segmentRef:
		return "there is no file segments/" + r.name + ".yaml"
	case templateRef:
		return "there is no file templates/" + r.name + ".html"
	case campaignRef:
		return "there is no file campaigns/" + r.name + ".yaml"
	}
	return "add it to " + workspaceFile + " under " + string(r.kind) + "s"
}

func isNameOrPath(s string) bool {
	for part := range strings.SplitSeq(s, "/") {
		if !isName(part) {
			return false
		}
	}
	return true
}

// knownEvents are the events that shops send under the Segment spec's names,
// and Tidings' own.
func knownEvents() []string {
	return []string{
		campaign.OrderCompleted, campaign.OrderRefunded, campaign.OrderCancelled, campaign.ProductAdded,
		campaign.ProductRemoved, campaign.CartViewed, campaign.CheckoutStarted, campaign.EmailSent,
		campaign.EmailOpened, campaign.EmailClicked, campaign.Unsubscribed, campaign.Subscribed,
		campaign.ProductViewed, campaign.ProductReviewed, campaign.BackInStockRequested, campaign.PriceDropRequested,
		campaign.ProductBackInStock, campaign.ProductPriceChanged, "Order Delivered", "Order Updated", "Survey Answered",
		"Email Bounced", "Email Complained", "Email Replied",
	}
}

// renames maps the earlier names of campaigns to their present ones, and
// reports those that two could claim.
func (w *workspaceFiles) renames() map[string]string {
	out := map[string]string{}
	present := map[string]bool{}
	for _, f := range w.campaigns {
		present[f.campaign.Name] = true
	}
	for _, f := range w.campaigns {
		at := place{1, 1}
		if f.top.has("was") {
			at = placeOf(f.top.values["was"])
		}
		for _, was := range f.campaign.Was {
			switch {
			case was == f.campaign.Name:
				w.ps.warnf(f.file, at, "take it out", "was names the campaign itself")
			case present[was]:
				w.ps.errorf(f.file, at, "take it out, or delete campaigns/"+was+".yaml", "was: campaign %q is still there", was)
			case out[was] != "":
				w.ps.errorf(f.file, at, "keep it in one of the two", "was: campaign %q says too that it was %q", out[was], was)
			default:
				out[was] = f.campaign.Name
			}
		}
	}
	return out
}

// conditions checks what conditions look at against where they stand. trigger
// is the campaign's, nil in a segment.
func (w *workspaceFiles) conditions(s *source, trigger campaign.Trigger) {
	_, scheduled := trigger.(campaign.Schedule)
	for _, n := range s.notes {
		timeless := n.scope == inSegment || n.scope == inTiers || n.scope == inTopic
		switch {
		case n.kind == sincePass && timeless:
			w.ps.errorf(s.file, n.at, "write within: 90d or since: 2026-12-01", "since: %s makes no sense in %s, which no pass goes through", n.name, n.scope)
		case n.kind == triggerAsked && timeless:
			w.ps.errorf(s.file, n.at, "move the condition into a campaign", "trigger: makes no sense in %s, which nothing triggers", n.scope)
		case n.kind == sameAsked && timeless:
			w.ps.errorf(s.file, n.at, "move the condition into a campaign", "same_as makes no sense in %s, which nothing triggers", n.scope)
		case n.kind == sameAsked && (n.scope == inGoal || n.scope == inTrigger):
			w.ps.errorf(s.file, n.at, "compare with a value", "same_as makes no sense in %s, which looks at no pass", n.scope)
		case (n.kind == triggerAsked || n.kind == sameAsked) && scheduled:
			w.ps.errorf(s.file, n.at, "use attribute: or event:", "a schedule has no event whose %q could be looked at", n.name)
		case n.kind == untimedEvent && n.scope == inStep:
			w.ps.errorf(s.file, n.at, "add since: entry, since: anchor or within: 90d", "the condition on event %q does not say from when on", n.name)
		}
	}
}

// cycles reports segments that are made of themselves, by what they match, by what
// limits them, or by the tiers.
func (w *workspaceFiles) cycles() {
	const tiers = "tier"
	edges := map[string][]reference{}
	files := map[string]string{tiers: workspaceFile}
	add := func(name string, refs []reference, uses []use) {
		for _, r := range refs {
			if r.kind == segmentRef {
				edges[name] = append(edges[name], r)
			}
		}
		for _, u := range uses {
			if u.attribute && u.name == tiers && len(w.workspace.workspace.Tiers) > 0 {
				edges[name] = append(edges[name], reference{name: tiers, at: u.nameAt})
			}
		}
	}
	names := []string{tiers}
	add(tiers, w.workspace.tierRefs, w.workspace.tierUses)
	for _, f := range w.segments {
		name := "segment " + f.segment.Name
		files[name] = f.file
		names = append(names, name)
		add(name, f.refs, f.uses)
	}
	done := map[string]bool{}
	var path []string
	var visit func(name string)
	visit = func(name string) {
		path = append(path, name)
		for _, r := range edges[name] {
			next := r.name
			if r.kind == segmentRef {
				next = "segment " + r.name
			}
			if i := slices.Index(path, next); i >= 0 {
				w.ps.errorf(files[name], r.at, "take one of them out", "%s", circle(append(slices.Clone(path[i:]), next)))
			} else if !done[next] {
				visit(next)
			}
		}
		path = path[:len(path)-1]
		done[name] = true
	}
	for _, name := range names {
		if !done[name] {
			visit(name)
		}
	}
}

// circle words a chain that ends where it begins.
func circle(chain []string) string {
	what := "segments are made of each other: "
	if contains(chain, "tier") {
		what = "tiers and segments are made of each other: "
	}
	for i := range chain {
		chain[i] = strings.TrimPrefix(chain[i], "segment ")
	}
	return what + strings.Join(chain, " → ")
}
