package schema

// operator is one of the language's operators.
type operator struct {
	name    string
	operand *node
	about   string
	// numeric: counts and sums can be tested with it too.
	numeric bool
}

// operators are all of them, in the order of the docs.
func operators() []operator {
	value, several, number := text(), listOf(text()), quantity()
	return []operator{
		{"is", value, "The value is this one.", true},
		{"is_not", value, "The value is not this one; a missing value is not either.", true},
		{"in", several.like([]string{"PH", "MY"}), "The value is one of these.", true},
		{"not_in", several, "The value is none of these; a missing value is none either.", true},
		{"at_least", number, "The number is this or more.", true},
		{"at_most", number, "The number is this or less.", true},
		{"above", number, "The number is more than this.", true},
		{"below", number, "The number is less than this.", true},
		{"between", pair(), "The number or date lies between the two, both included.", true},
		{"contains", value, "The text holds this one; letter case counts.", false},
		{"starts_with", value, "The text begins with this one; letter case counts.", false},
		{"matches", value.like("^[A-Z]{2}-[0-9]+$"), "Some part of the text matches this regular expression; ^ and $ tie it to the ends.", false},
		{"exists", yes(), "The value is there, or with false is missing.", false},
		{"has", value, "The list holds this value.", false},
		{"has_any", several, "The list holds one of these values.", false},
		{"within", span(), "The date is at most this long ago.", false},
		{"within_next", span(), "The date is at most this far ahead.", false},
		{"before", either(words("now"), moment(), span()).like("now", "2026-12-01", "30d"), "The date lies before this date, before now, or longer ago than this.", false},
		{"after", either(words("now"), moment()).like("now", "2026-12-01"), "The date lies after this date, or after now.", false},
		{"anniversary_within", either(span(), zero(`^0$`)).like("7d"), "The date's day of the year is today or comes within this time; 0 is today only.", false},
		{"same_as", (&node{Type: "string", Pattern: `^trigger\.\S`}).like("trigger.product_id"), "The value is also that of a property of the event that started the pass.", false},
	}
}

// pair is two numbers or two dates.
func pair() *node {
	return either(listOfN(quantity(), 2), listOfN(moment(), 2)).like([]int{10, 20})
}

// operatorKeys are the keys of operators; with passes, also of those that look at
// the pass.
func operatorKeys(in scope) []property {
	var out []property
	for _, op := range operators() {
		if op.name == "same_as" && !in.inPass() {
			continue
		}
		out = append(out, key(op.name, op.operand, op.about))
	}
	return out
}

// numericKeys are the keys of the operators that a count or a sum is tested
// with; of is what they are compared with.
func numericKeys(of *node) []property {
	var out []property
	for _, op := range operators() {
		if !op.numeric {
			continue
		}
		operand := of
		switch op.name {
		case "in", "not_in":
			operand = listOf(of)
		case "between":
			operand = listOfN(of, 2)
		}
		out = append(out, key(op.name, operand, op.about))
	}
	return out
}

// operatorNames are the operators' names.
func operatorNames() []string {
	var out []string
	for _, op := range operators() {
		out = append(out, op.name)
	}
	return out
}
