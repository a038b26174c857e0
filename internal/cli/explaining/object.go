package explaining

import (
	"context"
	"slices"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/explain"
)

// explanation is everything that --json prints, in one object.
type explanation struct {
	readingJSON

	// Answers are in the order of the text; absent for a text that is empty.
	Answers []answerJSON `json:"answers"`
}

// Object explains a text as Run does, and returns what --json prints as one object that marshals to
// JSON. Of the fields only those that name keys are read. The error is that of a text which is
// empty or too long, or says why the keys cannot be read; no key is in it.
func (c *Command) Object(ctx context.Context, text []byte) (object any, err error) {
	if text, err = bounded(text); err != nil {
		return nil, err
	}
	// A text is read before the keys are: what is nothing to explain needs none.
	reading := explain.Read(text)
	if len(reading.Parts) == 0 {
		return nil, bilingual.Errorf("there is nothing to explain", "没有可解释的内容")
	}
	keys, err := c.keys(ctx)
	if err != nil {
		return nil, err
	}
	whole := explanation{readingJSON: c.whole(keys, reading)}
	for _, answer := range explain.Explain(reading, keys.Keys) {
		whole.Answers = append(whole.Answers, c.answerJSON(answer))
	}
	return whole, nil
}

// whole is the first object of --json: which keys there were, and what was passed over.
func (c *Command) whole(keys *ring, reading explain.Reading) readingJSON {
	whole := readingJSON{Form: "input", Keys: c.texts(slices.Concat(keys.merchants, keys.platform)), Unusable: c.texts(keys.faults)}
	for _, note := range reading.Notes {
		whole.Notes = append(whole.Notes, noteJSON{note.Line, c.Language.Text(note.Text)})
	}
	return whole
}
