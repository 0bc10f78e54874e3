package store

import (
	"context"
	"math"
	"strings"

	"tidings/internal/campaign"
)

// duePick is a due message as the relay sees it.
type duePick struct {
	id, campaign, customer, due int64
	lane, step, domain          string
}

// stream is what a campaign has due in the order of one index range: mails to one
// domain, or of one step, that they have waited for, or all the others.
type stream struct {
	campaign int64
	domain   string // or the stepKey, where the step's sender was refused
	due, id  int64  // of the last one read
	read     []duePick
	end      bool // there is no more than was read
}

// stepKey stands for the domain of mails that were put aside since their step's sender
// is refused, and another of their campaign's is not. It is not the sender's: the
// step's may be another by and by.
func stepKey(step string) string { return stepPrefix + step }

const stepPrefix = "step:" // no domain has a colon

// ask is how many more a stream is to be read of.
type ask struct {
	*stream
	n int
}

// mostMoved is how many messages of a lane are moved aside in one round, to be
// looked for by their domain from then on.
const mostMoved = 5000

// sharer shares out the room of a round among campaigns.
type sharer struct {
	lane    campaign.Lane
	limits  *limits
	read    func(context.Context, []ask) error
	streams map[int64][]*stream // by campaign
	turn    []int64             // campaigns in the order of their turn
	picked  []duePick
	moved   []duePick // that wait for their domain, or for what stands for it
	last    int64     // the campaign that had the last place; 0: none had
	short   bool      // there were fewer places than campaigns

	// Of a pass: how many of a domain's places are each campaign's, and how many of
	// them it has had.
	parts map[string]int
	had   map[part]int
}

type part struct {
	campaign int64
	domain   string
}

// share gives every campaign with due mail the same number of places, what one
// leaves to the others, and picks what has been due the longest in each. Where
// there are fewer places than campaigns, the turn goes on in the next round.
func (f *sharer) share(ctx context.Context, room int) error {
	for room > 0 && len(f.moved) < mostMoved {
		var open []int64
		for _, c := range f.turn {
			if f.wants(c) {
				open = append(open, c)
			}
		}
		if len(open) == 0 {
			return nil
		}
		f.short = f.short || room < len(open)
		places := map[int64]int{}
		each := max(1, room/len(open))
		for _, c := range open[:min(len(open), room)] {
			places[c] = each
		}
		n, err := f.pass(ctx, open, places)
		if err != nil {
			return err
		}
		room -= n
	}
	return nil
}

// pass fills each campaign's places until it has no more. The places of a domain
// are shared as those of the round are.
func (f *sharer) pass(ctx context.Context, open []int64, places map[int64]int) (n int, err error) {
	f.parts, f.had = map[string]int{}, map[part]int{}
	for domain, a := range f.limits.domains {
		f.parts[domain] = max(1, a.room/len(open))
	}
	for len(f.moved) < mostMoved {
		var asks []ask
		for _, c := range open {
			if places[c] > 0 {
				asks = append(asks, f.lacks(c, places[c])...)
			}
		}
		if len(asks) > 0 {
			if err := f.read(ctx, asks); err != nil {
				return n, err
			}
		}
		took := 0
		for _, c := range open {
			got := f.fill(c, places[c])
			places[c] -= got
			took += got
		}
		if n += took; took == 0 && len(asks) == 0 {
			return n, nil
		}
	}
	return n, nil
}

// of is the allowance that a stream's mails were put aside for; nil: none.
func (f *sharer) of(s *stream) *allowance {
	if step, is := strings.CutPrefix(s.domain, stepPrefix); is {
		return f.limits.sender(s.campaign, step)
	}
	if f.lane == campaign.LaneTransactional {
		return nil
	}
	return f.limits.domains[s.domain]
}

// left is how many more of a stream may go in this pass.
func (f *sharer) left(s *stream) int {
	room := f.of(s).roomLeft()
	if most, is := f.parts[s.domain]; is && room != unlimited {
		room = min(room, most-f.had[part{s.campaign, s.domain}])
	}
	return room
}

func (f *sharer) domainRoom(domain string) int {
	if strings.HasPrefix(domain, stepPrefix) {
		return 0 // what is put aside for its step met a sender without room
	}
	if f.lane == campaign.LaneTransactional {
		return unlimited
	}
	return f.limits.domains[domain].roomLeft()
}

func (f *sharer) campaignRoom(id int64) int {
	return min(f.limits.rate(f.lane, id).roomLeft(), f.limits.refused[id].roomLeft())
}

// wants tells whether a campaign may have mail to go. What holds all of it, or
// that to a domain, is told so.
func (f *sharer) wants(c int64) (wants bool) {
	for _, s := range f.streams[c] {
		if s.end && len(s.read) == 0 {
			continue
		}
		switch {
		case f.campaignRoom(c) <= 0:
			for _, a := range []*allowance{f.limits.rate(f.lane, c), f.limits.refused[c]} {
				if a.roomLeft() <= 0 {
					a.wait()
				}
			}
		case f.of(s).roomLeft() <= 0:
			f.of(s).wait()
		default:
			wants = true
		}
	}
	return wants
}

// any tells whether there is mail that may go as far as its campaign and its domain
// go.
func (f *sharer) any() (any bool) {
	for _, c := range f.turn {
		any = f.wants(c) || any
	}
	return any
}

// lacks is what must be read before the campaign's longest due mail is known.
func (f *sharer) lacks(c int64, places int) (asks []ask) {
	n := min(places, f.campaignRoom(c))
	if n <= 0 {
		return nil
	}
	for _, s := range f.streams[c] {
		if most := min(n, f.left(s)); len(s.read) == 0 && !s.end && most > 0 {
			asks = append(asks, ask{s, most})
		}
	}
	return asks
}

// fill takes up to n mails of a campaign, as far as they are read.
func (f *sharer) fill(c int64, n int) (took int) {
	for took < n && f.campaignRoom(c) > 0 && len(f.moved) < mostMoved {
		s := f.first(c)
		if s == nil {
			return took
		}
		p := s.read[0]
		s.read = s.read[1:]
		sender := f.limits.sender(c, p.step)
		if sender.roomLeft() <= 0 {
			sender.wait()
			if p.domain = stepKey(p.step); p.domain != s.domain {
				f.moved = append(f.moved, p)
			}
			continue
		}
		full := f.domainRoom(p.domain) <= 0
		if full {
			f.limits.domains[p.domain].wait()
		}
		if full || p.domain != s.domain && f.behind(p) {
			if p.domain != s.domain {
				f.moved = append(f.moved, p)
			}
			continue
		}
		f.had[part{c, p.domain}]++
		f.limits.domains[p.domain].take()
		f.limits.rate(f.lane, c).take()
		sender.take()
		f.picked = append(f.picked, p)
		f.last = c
		took++
	}
	return took
}

// behind tells whether mail of the same campaign that has waited for the domain
// waits on, since the campaign has had its part: then p goes after it.
func (f *sharer) behind(p duePick) bool {
	for _, s := range f.streams[p.campaign] {
		if s.domain == p.domain {
			return f.left(s) <= 0 && !(s.end && len(s.read) == 0)
		}
	}
	return false
}

// first is the stream with the campaign's longest due mail; nil: one has to be read
// before it is known, or there is none.
func (f *sharer) first(c int64) (first *stream) {
	at, id := int64(math.MaxInt64), int64(math.MaxInt64)
	for _, s := range f.streams[c] {
		if f.left(s) <= 0 {
			continue
		}
		if len(s.read) == 0 {
			if !s.end {
				return nil
			}
			continue
		}
		if p := s.read[0]; p.due < at || p.due == at && p.id < id {
			first, at, id = s, p.due, p.id
		}
	}
	return first
}
