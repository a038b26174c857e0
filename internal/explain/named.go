package explain

import (
	"slices"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
	"cloudpay/internal/order/errcode"
)

// named adds what codes and texts mean: the rows of the error codes, the known messages, and the
// causes that these can have. text is searched; code is known from a field, and comes first.
//
// A message names its causes without proof. So they are left out where a signature proves one: that
// of this part, or that of the request which this reply is to. A row of a history has a reason of
// the gateway's own, which knows better, too.
func (a *Answer) named(code, text string) {
	a.addCodes(append([]string{code}, codesIn(text)...))
	a.Messages = cause.InText(text)
	if len(a.Messages) == 0 && len(a.Codes) > 0 {
		a.Messages = messagesOf(a.Codes[0])
	}
	a.suspect()
	if isRefusal := len(a.Messages) > 0 || len(a.Codes) > 0; isRefusal && a.Verdict != Fine {
		a.Verdict = Fault
	}
}

// addCodes adds the rows of codes, each once. A code that no document names has none.
func (a *Answer) addCodes(names []string) {
	for _, name := range names {
		row, known := errcode.Lookup(name)
		same := func(c errcode.Code) bool { return c.Name == row.Name }
		if known && !slices.ContainsFunc(a.Codes, same) {
			a.Codes = append(a.Codes, row)
		}
	}
}

// suspect adds the causes that the messages can have, where nothing else tells the cause.
func (a *Answer) suspect() {
	if a.isProved() || a.row != nil && a.row.Reason != "" || a.asked != nil && a.asked.Verdict == Fault {
		return
	}
	for _, message := range a.Messages {
		for _, id := range message.IDs {
			if a.concerns(id) {
				a.find(id, bilingual.Text{}, false)
			}
		}
	}
}

// concerns reports whether a cause can be one here: where it is known which API was called, no
// cause of the other's requests is.
func (a *Answer) concerns(id cause.ID) bool {
	row, _ := cause.Of(id)
	return a.API == "" || row.Side != cause.V2 && row.Side != cause.V3 || string(row.Side) == a.API
}

// isProved reports whether a signature proves a cause.
func (a *Answer) isProved() bool {
	return slices.ContainsFunc(a.Findings, func(f Finding) bool { return f.Certain })
}

// messagesOf lists the known texts that have a code in them, in any of its spellings. It stands in
// for the text where only a code is given.
func messagesOf(code errcode.Code) (found []cause.Message) {
	for _, message := range cause.Messages() {
		if slices.Contains(codesIn(message.Text), code.Name) {
			found = append(found, message)
		}
	}
	return found
}
