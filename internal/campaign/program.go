package campaign

// Program is a campaign's steps in the order in which a pass can meet them,
// each knowing what follows it. A pass only ever goes forward in it.
type Program struct {
	Nodes []Node
	index map[string]int
}

// Node is a step in a Program. Next and Arms are positions in Nodes; End means
// that the pass is finished.
type Node struct {
	Step
	Next int
	Arms []int // for a branch, the first step of each arm (or Next)
}

// End is the position after the last step.
const End = -1

// NewProgram flattens steps.
func NewProgram(steps []Step) *Program {
	p := &Program{index: map[string]int{}}
	p.add(steps, End)
	for i, n := range p.Nodes {
		p.index[n.ID] = i
	}
	return p
}

// add appends steps, the last of which goes on to after, and returns the
// position at which they begin (after, when there are none). Next of a step
// that is followed by another is that one's position; positions are known only
// once an arm's own steps are placed, so each Next is set afterwards.
func (p *Program) add(steps []Step, after int) int {
	if len(steps) == 0 {
		return after
	}
	own := make([]int, len(steps))
	for i, s := range steps {
		own[i] = len(p.Nodes)
		p.Nodes = append(p.Nodes, Node{Step: s})
		for _, arm := range s.Branch {
			begin := len(p.Nodes)
			if len(arm.Steps) == 0 {
				begin = pending
			} else {
				p.add(arm.Steps, pending)
			}
			p.Nodes[own[i]].Arms = append(p.Nodes[own[i]].Arms, begin)
		}
	}
	for i := range steps {
		next := after
		if i+1 < len(steps) {
			next = own[i+1]
		}
		end := len(p.Nodes)
		if i+1 < len(steps) {
			end = own[i+1]
		}
		// Everything inside this step's arms that runs off their end joins here.
		for n := own[i]; n < end; n++ {
			if n == own[i] || p.Nodes[n].Next == pending {
				p.Nodes[n].Next = next
			}
			for a, begin := range p.Nodes[n].Arms {
				if begin == pending {
					p.Nodes[n].Arms[a] = p.Nodes[n].Next
				}
			}
		}
	}
	return own[0]
}

// pending marks a join that the enclosing list will set.
const pending = -2

// First is where a pass begins: the first step, or End.
func (p *Program) First() int {
	if len(p.Nodes) == 0 {
		return End
	}
	return 0
}

// Index finds a step by its id.
func (p *Program) Index(id string) (int, bool) {
	i, ok := p.index[id]
	return i, ok
}

// Follow is a step's id with the id of what comes after it; "" is the end. A
// version of a campaign is stored with these, so that a pass whose step was
// deleted can be taken to the next one that still exists.
type Follow struct{ ID, Next string }

// Follows lists the chain of p.
func (p *Program) Follows() []Follow {
	out := make([]Follow, len(p.Nodes))
	for i, n := range p.Nodes {
		out[i].ID = n.ID
		if n.Next != End {
			out[i].Next = p.Nodes[n.Next].ID
		}
	}
	return out
}

// Resume is where a pass that stood at step id of an older version goes on: at
// id itself when p still has it, else at the next step of the older version
// that p has, else End. moved tells whether its own step is gone.
func (p *Program) Resume(id string, older []Follow) (at int, moved bool) {
	next := make(map[string]string, len(older))
	for _, f := range older {
		next[f.ID] = f.Next
	}
	for step := id; step != ""; step = next[step] {
		if i, ok := p.index[step]; ok {
			return i, step != id
		}
	}
	return End, true
}
