package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
)

// Rights are compared with what the statements of package store name, table by table: a user with
// fewer rights than these fails in production, at the first order that ends or the first event that
// is delivered, and a user with more is of no use to the functions.
//
// PostgreSQL tells rights by has_table_privilege, which counts those of roles and of PUBLIC. In
// MySQL information_schema has the rows of a grant, and not those of the roles that a user has or
// of a pattern such as shop_%, so that EXPLAIN is asked instead: it needs the same rights as the
// statement, and does not execute it (https://dev.mysql.com/doc/refman/8.4/en/explain.html).

// right is one that a user of the database may have on a table.
type right struct{ table, verb string }

// needed are the rights that the functions need (docs/databases.md): what their statements name.
// PostgreSQL's FOR UPDATE and MySQL's ON DUPLICATE KEY need UPDATE.
var needed = []struct{ table, verbs string }{
	{"cloudpay_orders", "SELECT INSERT UPDATE"},
	{"cloudpay_events", "SELECT INSERT UPDATE"},
	{"cloudpay_numbers", "SELECT INSERT UPDATE"},
	{"cloudpay_quotas", "SELECT INSERT UPDATE"},
	{"cloudpay_receivers", "SELECT INSERT UPDATE"},
	{"cloudpay_watermarks", "SELECT INSERT UPDATE"},
	{"cloudpay_changes", "SELECT INSERT"},
	{"cloudpay_tombstones", "SELECT"},
	{"cloudpay_schema", "SELECT"},
}

// neededToPrune are the rights that CLOUDPAY_PRUNE_AFTER needs besides.
var neededToPrune = []struct{ table, verbs string }{
	{"cloudpay_orders", "DELETE"},
	{"cloudpay_events", "DELETE"},
	{"cloudpay_changes", "DELETE"},
	{"cloudpay_tombstones", "INSERT"},
}

// rightsNeeded are the rights that this configuration needs.
func (e *examination) rightsNeeded() []right {
	list := needed
	if e.settings.PruneAfter > 0 {
		list = slices.Concat(needed, neededToPrune)
	}
	var rights []right
	for _, row := range list {
		for verb := range strings.FieldsSeq(row.verbs) {
			rights = append(rights, right{row.table, verb})
		}
	}
	return rights
}

// rights checks the rights of the database's user. Nothing is written: PostgreSQL is asked, and
// MySQL explains statements, which needs the rights of making them.
func (e *examination) rights(ctx context.Context) []Finding {
	f := rightsCheck.about(nameStore)
	switch {
	case e.database.open == nil: // SQLite has none
		return nil
	case e.database.standby:
		return []Finding{f.skipped(bilingual.New("not checked: the server takes no writes", "未检查：服务器不可写"))}
	}
	missing, err := e.missingRights(ctx)
	switch {
	case err != nil:
		return []Finding{f.skipped(bilingual.New("not checked: the server did not tell the user's rights", "未检查：服务器未给出该用户的权限"))}
	case len(missing) > 0:
		user := e.databaseUser(ctx)
		return []Finding{f.fault(
			bilingual.Sprintf("its user lacks %s", "该用户缺少权限：%s", wordRights(missing)),
			bilingual.Sprintf("as an administrator: %s", "请以管理员身份执行：%s", strings.Join(grants(missing, user), " ")))}
	}
	verbs := "SELECT, INSERT, UPDATE"
	if e.settings.PruneAfter > 0 {
		verbs += ", DELETE"
	}
	return []Finding{f.fine(bilingual.Sprintf("its user has what the functions need: %s", "该用户具备函数所需的权限：%s", verbs))}
}

// missingRights are those that the user lacks.
func (e *examination) missingRights(ctx context.Context) ([]right, error) {
	var missing []right
	for _, r := range e.rightsNeeded() {
		has, err := e.has(ctx, r)
		if err != nil {
			return nil, err
		}
		if !has {
			missing = append(missing, r)
		}
	}
	return missing, nil
}

// has reports whether the user has a right.
func (e *examination) has(ctx context.Context, r right) (bool, error) {
	if e.database.kind == "postgres" {
		var has bool
		err := e.database.open.QueryRowContext(ctx, fmt.Sprintf("SELECT has_table_privilege('%s', '%s')", r.table, r.verb)).Scan(&has)
		if err != nil {
			return false, fmt.Errorf("asking for the right: %w", err)
		}
		return has, nil
	}
	err := e.explains(ctx, explained(r))
	if mysqlSays(1142, 1143, 1044)(err) { // no right on the table, on a column, on the database
		return false, nil
	}
	if mysqlSays(1364)(err) { // a strict server wants all columns, once the right was found
		return true, nil
	}
	return err == nil, err
}

// explains has MySQL plan a statement, which is not executed. It refuses a user who may not make
// the statement, whether a right is one on the table, on the database, or comes by a role.
func (e *examination) explains(ctx context.Context, statement string) error {
	rows, err := e.database.open.QueryContext(ctx, "EXPLAIN "+statement)
	if err != nil {
		return fmt.Errorf("explaining a statement: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err has its error
	for range maxRows {
		if !rows.Next() { // the plan is of no interest
			break
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("explaining a statement: %w", err)
	}
	return nil
}

// explained is a statement that needs one right and changes no row.
func explained(r right) string {
	switch r.verb {
	case "INSERT":
		return "INSERT INTO " + r.table + " () VALUES ()"
	case "UPDATE":
		return "UPDATE " + r.table + " SET " + anyColumn[r.table] + " = 0 WHERE 1 = 0"
	case "DELETE":
		return "DELETE FROM " + r.table + " WHERE 1 = 0"
	}
	return "SELECT 1 FROM " + r.table
}

// anyColumn is a column of each table that is updated.
var anyColumn = map[string]string{
	"cloudpay_orders": "region", "cloudpay_events": "kind", "cloudpay_numbers": "last", "cloudpay_quotas": "per_second",
	"cloudpay_receivers": "region", "cloudpay_watermarks": "region",
}

// mayNotRead reports whether the user lacks the right to read the schema's version.
func (e *examination) mayNotRead(ctx context.Context) bool {
	has, err := e.has(ctx, right{"cloudpay_schema", "SELECT"})
	return err == nil && !has
}

// databaseUser is the user as GRANT names it.
func (e *examination) databaseUser(ctx context.Context) string {
	query := map[string]string{
		"postgres": "SELECT quote_ident(current_user)",
		"mysql":    "SELECT CONCAT('''', SUBSTRING_INDEX(CURRENT_USER(), '@', 1), '''@''', SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')",
	}[e.database.kind]
	names, err := e.column(ctx, query)
	if err != nil || len(names) != 1 || len(names[0]) > 80 {
		return "USER"
	}
	return names[0]
}

// byTable groups rights by table, in their order.
func byTable(rights []right) (order []string, verbs map[string][]string) {
	verbs = map[string][]string{}
	for _, r := range rights {
		if verbs[r.table] == nil {
			order = append(order, r.table)
		}
		verbs[r.table] = append(verbs[r.table], r.verb)
	}
	return order, verbs
}

// wordRights is a list of rights for people.
func wordRights(rights []right) string {
	order, verbs := byTable(rights)
	words := make([]string, len(order))
	for i, table := range order {
		words[i] = strings.Join(verbs[table], ", ") + " on " + table
	}
	return strings.Join(words, "; ")
}

// grants are the statements that give the rights to a user.
func grants(rights []right, user string) []string {
	order, verbs := byTable(rights)
	statements := make([]string, len(order))
	for i, table := range order {
		statements[i] = "GRANT " + strings.Join(verbs[table], ", ") + " ON " + table + " TO " + user + ";"
	}
	return statements
}
