package orderfile

import (
	"encoding/csv"
	"errors"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
)

// csvParser reads CSV line by line and not as one stream: no parameter has an end of line in it,
// and so a quotation mark that is missing spoils its own line only.
type csvParser struct {
	in *Importer

	columns []column // nil: the header is still to come
	// separator stands between cells; zero until the header is read.
	separator rune
	// leading is how many cells in front of a row an earlier import's rejection has added.
	leading int
	cells   []string
}

func (c *csvParser) headed() bool { return c.columns != nil }

func (c *csvParser) parse(line string) (p parsed, header bool, err error) {
	if !c.headed() {
		return parsed{}, true, c.head(line)
	}
	p.row = c.ownCells(line)
	cells, err := c.split(p.row)
	switch {
	case err != nil:
		return p, false, &lineError{wholeLine, csvFault(err)}
	case len(cells) != len(c.columns):
		return p, false, &lineError{wholeLine, bilingual.Sprintf("must have %d columns as the header does, not %d",
			"须与表头一样有 %d 列，而不是 %d 列", len(c.columns), len(cells))}
	}
	for i := range c.columns {
		if fault := c.set(&p, &c.columns[i], cleaned(cells[i])); fault != nil {
			return p, false, fault
		}
	}
	return p, false, nil
}

// set reads one cell.
func (c *csvParser) set(p *parsed, of *column, cell string) error {
	switch {
	case of.is == passedOver:
		return nil
	case of.is == ownMchID:
		p.mchid = cell
		return nil
	case of.is == ofCombined:
		p.CombineOutTradeNo = cell
		return nil
	case of.chinese && of.is == subMchID && cell == "0": // of a merchant without sub-merchants
		return nil
	}
	var fault *lineError
	switch of.is {
	case "close_at", "created_at":
		cell, fault = moment(of.is, cell, c.in.Zone)
	case inYuan:
		cell, fault = fenOrNone(cell)
	}
	if fault != nil {
		return fault
	}
	if fault := of.Set(&p.Params, cell); fault != nil {
		return &lineError{fault.Field, fault.Rule}
	}
	return nil
}

func fenOrNone(cell string) (string, *lineError) {
	if cell == "" {
		return "", nil
	}
	return fen(cell)
}

// separators are what may stand between cells; sepLine is how Excel names one in a line of its own.
const (
	separators = ",;\t"
	sepLine    = "sep="
)

// head learns the columns from the first line. What stands between them is what the line has most
// of, outside quotation marks.
func (c *csvParser) head(line string) error {
	if rest, is := strings.CutPrefix(strings.ToLower(line), sepLine); is && len(rest) == 1 && strings.Contains(separators, rest) {
		c.separator = rune(rest[0])
		return nil
	}
	if c.separator == 0 {
		c.separator = separatorOf(line)
	}
	for _, separator := range separators {
		if prefix := prefix(separator); strings.HasPrefix(line, prefix) {
			c.separator, c.leading = separator, strings.Count(prefix, string(separator))
		}
	}
	own := c.ownCells(line)
	titles, err := c.split(own)
	if err != nil {
		return &FileError{bilingual.Errorf("the header: %s", "表头：%s", csvFault(err))}
	}
	columns, err := c.in.Columns.header(titles, c.in.CloseAt != "" || c.in.Change != nil)
	if err != nil {
		return err
	}
	c.columns = columns
	c.in.closeAtMissing = !hasNamed(columns, closeAt)
	if !c.in.closeAtMissing && c.in.CloseAt != "" {
		return &FileError{bilingual.Errorf(
			"the header: has close_at, and --close-at gives it to all orders: leave out the flag, or the column with --map",
			"表头：已有 close_at，而 --close-at 给出全部订单的关单时间：请去掉该选项，或用 --map 忽略该列")}
	}
	return c.in.Rejects.head(prefix(c.separator)+own, c.separator)
}

// prefix is what the header of rejected lines has in front of the file's own.
func prefix(separator rune) string {
	return strings.Join([]string{rejectedLine, rejectedField, rejectedRule, ""}, string(separator))
}

func separatorOf(header string) rune {
	best, most := ',', 0
	for _, candidate := range separators {
		n, quoted := 0, false
		for _, r := range header {
			switch {
			case r == '"':
				quoted = !quoted
			case r == candidate && !quoted:
				n++
			}
		}
		if n > most {
			best, most = candidate, n
		}
	}
	return best
}

// ownCells is a row without the cells that an earlier import's rejection has put in front of it.
// What follows them may be anything, also what is no CSV.
func (c *csvParser) ownCells(row string) string {
	for range c.leading {
		quoted, end := false, -1
		for i, r := range row {
			if r == '"' {
				quoted = !quoted
			} else if r == c.separator && !quoted {
				end = i
				break
			}
		}
		if end < 0 {
			return row
		}
		row = row[end+1:]
	}
	return row
}

// split returns the cells of a line, until the next call.
func (c *csvParser) split(line string) ([]string, error) {
	if strings.Contains(line, `"`) {
		r := csv.NewReader(strings.NewReader(line))
		r.Comma = c.separator
		return r.Read() //nolint:wrapcheck // csvFault words it
	}
	c.cells = c.cells[:0]
	for cell := range strings.SplitSeq(line, string(c.separator)) {
		c.cells = append(c.cells, cell)
	}
	return c.cells, nil
}

// csvFault is what is wrong, without the line number that package csv counts, which is always 1.
func csvFault(err error) bilingual.Text {
	if fault, is := errors.AsType[*csv.ParseError](err); is {
		return bilingual.Sprintf("is not CSV, at its byte %d: %v", "不是 CSV，在第 %d 字节：%v", fault.Column, fault.Err)
	}
	return bilingual.Sprintf("is not CSV: %v", "不是 CSV：%v", err)
}

// isBlank reports whether a line holds no order: nothing, spaces, or empty cells alone, which
// spreadsheets leave below a table.
func isBlank(line string) bool { return strings.Trim(line, separators+" \"\u3000\u00a0") == "" }

// ofAnother is the fault of an order that belongs to another account than the configured one.
func (p *parsed) ofAnother(of order.Account) *lineError {
	if (p.mchid == "" || p.mchid == of.MchID) && (p.region == "" || p.region == of.Region) {
		return nil
	}
	return &lineError{ownMchID, bilingual.Sprintf("is an order of %q in %q, and these are those of %s in %s",
		"是商户 %q（%q）的订单，而此处为 %s（%s）的", p.mchid, p.region, of.MchID, of.Region)}
}
