package explaining

import (
	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/explain"
)

// The objects of --json, which docs/cli.md describes. The first is about the whole, and the others
// are an answer each.
type (
	readingJSON struct {
		// Form is "input".
		Form string `json:"form"`
		// Keys names the keys that there were, and Unusable those that could not be used.
		Keys     []string `json:"keys"`
		Unusable []string `json:"unusableKeys,omitempty"`
		// Notes are what could not be read, or was passed over.
		Notes []noteJSON `json:"notes,omitempty"`
	}
	// noteJSON is about a line, or about the whole where there is none.
	noteJSON struct {
		Line int    `json:"line,omitempty"`
		Text string `json:"text"`
	}
	// answerJSON explains one part of the text. Verdicts, codes, ids and texts of the exchange are
	// the same in both languages; sentences are in the chosen one.
	answerJSON struct {
		// Form is what it was taken for: request, reply, notification, document, exchange, log,
		// message or code.
		Form explain.Form `json:"form"`
		// From is how it was written: http, curl, command, xml, json or text.
		From string `json:"from"`
		// Lines are the first and the last.
		Lines [2]int `json:"lines"`
		// API is v2 or v3; left out where it is not known.
		API string `json:"api,omitempty"`
		// Title names it: method and address, status and code, or the code.
		Title string `json:"title,omitempty"`
		// Verdict is fine, fault or unknown.
		Verdict explain.Verdict `json:"verdict"`
		// Said is what the other side said in its own words.
		Said string `json:"said,omitempty"`
		// Causes are those that are certain, or candidates with the likeliest first.
		Causes []causeJSON `json:"causes,omitempty"`
		// Expected should have been signed, and Signed was. Keys in them are redacted.
		Expected string `json:"expected,omitempty"`
		Signed   string `json:"signed,omitempty"`
		// Difference is where the two differ first.
		Difference *placeJSON `json:"difference,omitempty"`
		// Codes are the error codes in it, and Messages the known texts.
		Codes    []codeJSON    `json:"codes,omitempty"`
		Messages []messageJSON `json:"messages,omitempty"`
		// Remarks are what else is worth knowing.
		Remarks []string `json:"remarks,omitempty"`
		// Unchecked is what could not be checked, and what it takes.
		Unchecked []string `json:"unchecked,omitempty"`
	}
	// Expected and Signed begin with the character that differs; empty: the text ends there.
	placeJSON struct {
		Line     int    `json:"line"`
		Column   int    `json:"column"`
		Expected string `json:"expected"`
		Signed   string `json:"signed"`
	}
	// causeJSON is a row of the table of causes (docs/why.md). What may say more than the table.
	causeJSON struct {
		ID      string `json:"id"`
		Certain bool   `json:"certain"`
		What    string `json:"what"`
		Remedy  string `json:"remedy"`
		Decides string `json:"decides,omitempty"`
	}
	// codeJSON is a row of the table of error codes (docs/api.md).
	codeJSON struct {
		Code    string `json:"code"`
		Meaning string `json:"meaning"`
		Remedy  string `json:"remedy"`
		Retry   string `json:"retry"`
	}
	// messageJSON is a known text, and which program prints it.
	messageJSON struct {
		Text string `json:"text"`
		From string `json:"from"`
	}
)

// printJSON prints an object for the whole, and one for each answer.
func (c *Command) printJSON(keys *ring, reading explain.Reading, answers []explain.Answer) {
	render.JSON(c.Out, c.whole(keys, reading))
	for _, answer := range answers {
		render.JSON(c.Out, c.answerJSON(answer))
	}
}

// texts are texts in the language; an empty list for none.
func (c *Command) texts(of []bilingual.Text) []string {
	texts := make([]string, 0, len(of))
	for _, text := range of {
		texts = append(texts, c.Language.Text(text))
	}
	return texts
}

// answerJSON is an answer for programs. Its sentences are in the language.
func (c *Command) answerJSON(a explain.Answer) answerJSON {
	out := answerJSON{
		Form: a.Form, From: a.From, Lines: [2]int{a.First, a.Last}, API: a.API, Title: a.Title, Verdict: a.Verdict, Said: a.Said,
		Expected: a.Expected, Signed: a.Signed, Remarks: c.texts(a.Remarks), Unchecked: c.texts(a.Unchecked),
	}
	if d, differs := a.Difference(); differs {
		out.Difference = &placeJSON{d.Line, d.Column, d.Expected, d.Signed}
	}
	for _, f := range a.Findings {
		what := f.What
		if f.Detail != (bilingual.Text{}) {
			what = f.Detail
		}
		out.Causes = append(out.Causes, causeJSON{
			ID: string(f.ID), Certain: f.Certain,
			What: c.Language.Text(what), Remedy: c.Language.Text(f.Remedy), Decides: c.Language.Text(f.Decides),
		})
	}
	for _, code := range a.Codes {
		out.Codes = append(out.Codes, codeJSON{
			Code: code.Name, Meaning: c.Say("%s", "%s", bilingual.New(code.Meaning, code.MeaningZH)),
			Remedy: c.Say("%s", "%s", bilingual.New(code.Remedy, code.RemedyZH)), Retry: c.Language.Text(explain.Retry(code)),
		})
	}
	for _, message := range a.Messages {
		out.Messages = append(out.Messages, messageJSON{message.Text, message.From})
	}
	return out
}
