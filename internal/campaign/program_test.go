package campaign_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidings/internal/campaign"
)

func send(id string) campaign.Step {
	return campaign.Step{ID: id, Send: &campaign.Send{Template: id}}
}

func leave(id string) campaign.Step { return campaign.Step{ID: id, Exit: id} }

func branch(id string, arms ...[]campaign.Step) campaign.Step {
	s := campaign.Step{ID: id}
	for i, steps := range arms {
		s.Branch = append(s.Branch, campaign.Arm{Name: fmt.Sprint(i), Steps: steps})
	}
	return s
}

func list(steps ...campaign.Step) []campaign.Step { return steps }

// written is p as text: each step with what follows it, arms in brackets.
func written(p *campaign.Program) string {
	name := func(i int) string {
		if i == campaign.End {
			return "."
		}
		return p.Nodes[i].ID
	}
	var out []string
	for _, n := range p.Nodes {
		s := n.ID + ">" + name(n.Next)
		if n.Branch != nil {
			var arms []string
			for _, a := range n.Arms {
				arms = append(arms, name(a))
			}
			s += "[" + strings.Join(arms, " ") + "]"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestNewProgram(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		steps []campaign.Step
		want  string
	}{
		{"none", nil, ""},
		{"one", list(send("a")), "a>."},
		{"row", list(send("a"), send("b"), leave("c")), "a>b b>c c>."},
		{"branch joins", list(branch("b", list(send("x"), send("y")), list(send("z"))), send("e")), "b>e[x z] x>y y>e z>e e>."},
		{"branch at the end", list(send("a"), branch("b", list(send("x")), list(send("z")))), "a>b b>.[x z] x>. z>."},
		{"empty arms", list(branch("b", nil, list(send("x")), nil), send("e")), "b>e[e x e] x>e e>."},
		{"empty arms at the end", list(branch("b", nil, nil)), "b>.[. .]"},
		{"branch after branch", list(branch("b", list(send("x")), nil), branch("c", nil, list(send("y")))), "b>c[x c] x>c c>.[. y] y>."},
		{
			"three deep",
			list(send("a"), branch("b", list(branch("c", list(branch("d", list(send("x")), nil)), nil), send("m")), nil), send("e")),
			"a>b b>e[c e] c>m[d m] d>m[x m] x>m m>e e>.",
		},
		{
			"three deep, joins at once",
			list(branch("b", list(branch("c", list(branch("d", list(send("x")), nil)))), nil), send("e")),
			"b>e[c e] c>e[d] d>e[x e] x>e e>.",
		},
	} {
		p := campaign.NewProgram(c.steps)
		if got := written(p); got != c.want {
			t.Errorf("%s: got  %s\nwant %s", c.name, got, c.want)
		}
		if first := p.First(); len(c.steps) == 0 && first != campaign.End || len(c.steps) > 0 && first != 0 {
			t.Errorf("%s: begins at %d", c.name, first)
		}
	}
}

// tree draws steps of at most depth levels of branches, ids counted on by next.
func tree(t *rapid.T, depth int, next *int) []campaign.Step {
	steps := make([]campaign.Step, rapid.IntRange(0, 4).Draw(t, "steps"))
	for i := range steps {
		*next++
		id := fmt.Sprint("s", *next)
		switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
		case kind == 0:
			steps[i] = leave(id)
		case kind < 5 && depth > 0:
			arms := make([][]campaign.Step, rapid.IntRange(1, 3).Draw(t, "arms"))
			for a := range arms {
				arms[a] = tree(t, depth-1, next)
			}
			steps[i] = branch(id, arms...)
		default:
			steps[i] = send(id)
		}
	}
	return steps
}

// walk is the way through steps of a pass that takes arm pick(branch): what a
// reader of the file would say. done tells whether it left by an exit.
func walk(steps []campaign.Step, pick func(campaign.Step) int) (ids []string, done bool) {
	for _, s := range steps {
		ids = append(ids, s.ID)
		if s.Exit != "" {
			return ids, true
		}
		if i := pick(s); s.Branch != nil && i >= 0 {
			inner, done := walk(s.Branch[i].Steps, pick)
			ids = append(ids, inner...)
			if done {
				return ids, true
			}
		}
	}
	return ids, false
}

func TestProgramWalksAsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		steps := tree(t, 3, new(int))
		salt := rapid.IntRange(0, 1000).Draw(t, "arm")
		pick := func(s campaign.Step) int {
			if s.Branch == nil {
				return -1
			}
			return (salt*7+len(s.ID)+int(s.ID[len(s.ID)-1]))%(len(s.Branch)+1) - 1
		}
		want, _ := walk(steps, pick)
		p := campaign.NewProgram(steps)
		var got []string
		for i := p.First(); i != campaign.End; {
			n := p.Nodes[i]
			got = append(got, n.ID)
			if len(got) > len(p.Nodes) {
				t.Fatalf("goes round: %v", got)
			}
			if at, ok := p.Index(n.ID); !ok || at != i {
				t.Fatalf("%s stands at %d, found at %d", n.ID, i, at)
			}
			arm := pick(n.Step)
			switch {
			case n.Exit != "":
				i = campaign.End
			case arm >= 0:
				i = n.Arms[arm]
			default:
				i = n.Next
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s\n%s", written(p), diff)
		}
		for i, n := range p.Nodes {
			for _, to := range append(slices.Clone(n.Arms), n.Next) {
				if to != campaign.End && (to <= i || to >= len(p.Nodes)) {
					t.Fatalf("%s goes to position %d of %d", n.ID, to, len(p.Nodes))
				}
			}
		}
	})
}

func TestProgramIndexUnknown(t *testing.T) {
	t.Parallel()
	if i, ok := campaign.NewProgram(list(send("a"))).Index("b"); ok {
		t.Error(i)
	}
}

func TestFollows(t *testing.T) {
	t.Parallel()
	p := campaign.NewProgram(list(send("a"), branch("b", list(send("x")), nil), send("e")))
	want := []campaign.Follow{{ID: "a", Next: "b"}, {ID: "b", Next: "e"}, {ID: "x", Next: "e"}, {ID: "e"}}
	if diff := cmp.Diff(want, p.Follows()); diff != "" {
		t.Error(diff)
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	older := campaign.NewProgram(list(send("a"), branch("b", list(send("x"), send("y")), list(send("z"))), send("e"), send("f"))).Follows()
	for _, c := range []struct {
		name  string
		now   []campaign.Step
		stood string
		want  string // "." is the end
		moved bool
	}{
		{"same", list(send("a"), send("e")), "a", "a", false},
		{"step deleted", list(send("a"), send("f")), "e", "f", true},
		{"last step deleted", list(send("a"), send("e")), "f", ".", true},
		{"steps added before and after", list(send("n"), send("a"), send("m"), send("e")), "a", "a", false},
		{"step moved", list(send("f"), send("e"), send("a")), "a", "a", false},
		{"arm's step deleted", list(branch("b", list(send("y")), nil), send("e")), "x", "y", true},
		{"arm's rest deleted", list(branch("b", list(send("x")), nil), send("e")), "y", "e", true},
		{"branch deleted", list(send("a"), send("e")), "x", "e", true},
		{"branch and join deleted", list(send("a"), send("f")), "z", "f", true},
		{"branch deleted, pass before it", list(send("a"), send("e")), "b", "e", true},
		{"its step moved out of the branch", list(send("a"), send("x"), send("e")), "x", "x", false},
		{"deleted, the next one moved into a branch", list(branch("n", list(send("f")), nil), send("a")), "e", "f", true},
		{"all deleted", nil, "a", ".", true},
		{"never heard of", list(send("a")), "q", ".", true},
		{"before the first", list(send("a")), "", ".", true},
	} {
		p := campaign.NewProgram(c.now)
		at, moved := p.Resume(c.stood, older)
		got := "."
		if at != campaign.End {
			got = p.Nodes[at].ID
		}
		if got != c.want || moved != c.moved {
			t.Errorf("%s: at %s, moved %t, want %s, %t", c.name, got, moved, c.want, c.moved)
		}
	}
}

// after is id and what a reader would say comes after it when its own arms are
// passed over: the rest of its list, then of the list around it, and so on.
func after(steps []campaign.Step, id string) []string {
	for i, s := range steps {
		rest := func() (ids []string) {
			for _, later := range steps[i+1:] {
				ids = append(ids, later.ID)
			}
			return ids
		}
		if s.ID == id {
			return append([]string{id}, rest()...)
		}
		for _, arm := range s.Branch {
			if inner := after(arm.Steps, id); inner != nil {
				return append(inner, rest()...)
			}
		}
	}
	return nil
}

// edited is steps as somebody left them: some deleted, some added, two lists
// turned round.
func edited(t *rapid.T, steps []campaign.Step, next *int) []campaign.Step {
	var out []campaign.Step
	for _, s := range steps {
		switch rapid.IntRange(0, 5).Draw(t, "edit") {
		case 0, 1:
			continue
		case 2:
			*next++
			out = append(out, send(fmt.Sprint("s", *next)))
		}
		arms := s.Branch
		s.Branch = nil
		for _, a := range arms {
			a.Steps = edited(t, a.Steps, next)
			s.Branch = append(s.Branch, a)
		}
		out = append(out, s)
	}
	if rapid.IntRange(0, 3).Draw(t, "turn round") == 0 {
		slices.Reverse(out)
	}
	return out
}

func TestResumeAsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		next := 0
		before := tree(t, 3, &next)
		older := campaign.NewProgram(before)
		p := campaign.NewProgram(edited(t, before, &next))
		for _, n := range older.Nodes {
			want := campaign.End
			for _, id := range after(before, n.ID) {
				if i, ok := p.Index(id); ok {
					want = i
					break
				}
			}
			_, kept := p.Index(n.ID)
			if at, moved := p.Resume(n.ID, older.Follows()); at != want || moved == kept {
				t.Fatalf("%s of %s in %s: at %d, moved %t, want %d", n.ID, written(older), written(p), at, moved, want)
			}
		}
	})
}
