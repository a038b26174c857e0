package store

import (
	"strconv"
	"strings"
)

// assigned is a column that one UPDATE of several rows sets, to what follows from each.
type assigned[T any] struct {
	name string
	// value is what the column of a row is set to, with the arguments; "" if it stays.
	value func(T) (expression string, args []any)
}

// assign returns the assignments of an UPDATE of several rows, and their arguments. The rows are
// told apart by key, a column of numbers, of which id returns a row's.
func assign[T any](key string, rows []T, id func(T) int64, columns []assigned[T]) (assignments string, args []any) {
	list := make([]string, 0, len(columns))
	for _, column := range columns {
		c := cases{key: key}
		for _, row := range rows {
			if expression, arg := column.value(row); expression != "" {
				c.when(id(row), expression, arg...)
			}
		}
		if c.text.Len() > 0 {
			list = append(list, column.name+" = "+c.otherwise(column.name))
			args = append(args, c.args...)
		}
	}
	return strings.Join(list, ", "), args
}

// cases are the branches of a CASE by a column of numbers, with their arguments. It contains the
// numbers as literals: they are no text from outside.
type cases struct {
	key  string
	text strings.Builder
	args []any
}

func (c *cases) when(number int64, expression string, args ...any) {
	c.text.WriteString(" WHEN " + strconv.FormatInt(number, 10) + " THEN " + expression)
	c.args = append(c.args, args...)
}

// otherwise is the whole CASE, with a value for all other numbers.
func (c *cases) otherwise(value string) string {
	return "CASE " + c.key + c.text.String() + " ELSE " + value + " END"
}

// literals are numbers with commas between them.
func literals(numbers []int64) string {
	list := make([]string, len(numbers))
	for i, n := range numbers {
		list[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(list, ",")
}
