package schema

// scope is where a condition stands, which decides what it may look at.
type scope string

const (
	inSegment scope = "segment" // and tiers: nobody is in a pass there
	inEntry   scope = "entry"   // audience, enter_when, exit_on, a wait's for
	inStep    scope = "step"    // a step's or an arm's when: events need a time word
)

// outside is where no pass is: the where of a trigger, which is asked before there
// is one, and of a goal, which tidings.yaml has too.
const outside = inSegment

func (in scope) inPass() bool { return in != inSegment }

// condition points to the conditions of a scope; definitions makes them.
func condition(in scope) *node { return ref("condition-" + string(in)) }

func where(in scope) *node { return ref("where-" + string(in)) }

func test(in scope) *node { return ref("test-" + string(in)) }

// conditions are all conditions: one subject each, its options beside it.
func conditions(in scope) *node {
	all := []*node{
		object("All of several", must("all", listOf(condition(in)), "Every one of these holds.")),
		object("Any of several", must("any", listOf(condition(in)), "At least one of these holds.")),
		object("Not", must("not", condition(in), "This does not hold.")),
		object("Segment", must("segment", name().like("regulars"), "The customer is in the segment of this name: a file of segments/.")),
		attribute(in),
		event(in),
		object("Campaign",
			must("campaign", name().like("welcome"), "The customer has a pass through the campaign of this name: a file of campaigns/."),
			must("is", words("running", "entered", "held_out"), "The pass is running now, was ever entered, or was kept back as a holdout."),
			key("within", span(), "Only passes entered at most this long ago count.")),
		object("Sample",
			must("sample", positiveShare(), "The customer is in this share of all customers: always the same ones."),
			key("seed", text().like("spring"), "Samples with one seed are the same people; by default it is the file.")),
	}
	if in.inPass() {
		all = append(all, sized(object("Trigger", append([]property{
			must("trigger", text().like("total", "products.category"), "A property of the event that started the pass passes the test beside it."),
		}, operatorKeys(in)...)...), 2))
	}
	n := either(all...)
	n.Title = "Condition"
	n.Type = "object"
	return n
}

func attribute(in scope) *node {
	n := sized(object("Attribute", append([]property{
		must("attribute", attributeName().like("country", "orders.total"), "An attribute of the customer passes the test beside it; a dot goes into an object."),
	}, operatorKeys(in)...)...), 2)
	n.AllOf = append(n.AllOf, ref("attribute-kinds"))
	return n
}

// properWhere is tests of properties. A map whose keys are operators is a test;
// any other is tests of one and the same element of a list.
func properWhere(in scope) *node {
	each := lines(in)
	each.Title, each.MinProperties = "The same one passes all of these", 1
	each.PropertyNames = &node{Not: words(operatorNames()...)}
	n := mapOf("Properties", `\S`, either(text(), test(in), each))
	return n.like(map[string]any{"category": "coffee", "total": map[string]any{"at_least": 20}})
}

// lines is tests of an element's properties, which go no deeper.
func lines(in scope) *node { return mapOf("Properties", `\S`, either(text(), test(in))) }
