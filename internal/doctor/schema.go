package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// checkSchema compares the step of the database's schema with this version's, and looks for a
// migration that ended half-way. Functions of a version that does not fit refuse every order. With
// a schema that fits, it checks the rights of the database's user too.
func checkSchema(ctx context.Context, e *examination) []Finding {
	if e.app == nil || e.app.Store == nil {
		return nil
	}
	f := schemaCheck.about(nameStore)
	switch rights := rightsCheck.about(nameStore); {
	case e.Offline:
		why := bilingual.New("not asked, for --offline", "未检查（--offline）")
		return []Finding{f.skipped(why), rights.skipped(why)}
	case e.database.silent != (bilingual.Text{}):
		return []Finding{f.skipped(unreachedStore), rights.skipped(unreachedStore)}
	}
	ctx, cancel := e.limited(ctx, maxDatabase, 2)
	defer cancel()
	if hidden := e.hiddenTables(ctx, f); len(hidden) > 0 {
		return hidden
	}
	c, err := e.app.Store.Compatibility(ctx)
	switch {
	// A missing right is told with its GRANT, which a missing table has not.
	case schedule.Lasting(err) && e.database.open != nil && e.mayNotRead(ctx):
		e.database.unfit = true
		return e.rights(ctx)
	case err != nil:
		e.database.unfit = true
		return []Finding{f.unread(err)}
	case c.Fault() != (bilingual.Text{}):
		e.database.unfit = true
		return []Finding{f.fault(c.Wording(), c.Fault())}
	}
	if halfway := e.halfway(ctx, f, c); len(halfway) > 0 {
		return append(halfway, e.rights(ctx)...)
	}
	return append([]Finding{f.fine(c.Wording())}, e.rights(ctx)...)
}

// tables are the store's, in the newest form of the schema.
var tables = []string{
	"cloudpay_changes", "cloudpay_events", "cloudpay_numbers", "cloudpay_orders", "cloudpay_quotas",
	"cloudpay_receivers", "cloudpay_schema", "cloudpay_tombstones", "cloudpay_watermarks",
}

// A step that fails is rolled back on PostgreSQL and SQLite, but for those that build indexes
// beside running functions; on MySQL and MariaDB no step is. So a migration that was interrupted
// can leave some of its tables, an index that PostgreSQL keeps up to date and no query uses, or a
// record that differs from what the schema says of itself.

// halfway has the signs of a migration that was interrupted: tables that are not there, an index
// that was not built to its end, or a record of steps that differs from the schema's own.
func (e *examination) halfway(ctx context.Context, f Finding, c store.Compatibility) []Finding {
	if e.database.open == nil { // SQLite rolls a step back
		return nil
	}
	var findings []Finding
	if missing := e.missingTables(ctx); len(missing) > 0 {
		findings = append(findings, f.fault(
			bilingual.Sprintf("tables are missing: %s", "缺少表：%s", strings.Join(missing, ", ")),
			bilingual.New("restore them from a backup; in a database without orders, drop the other tables of cloudpay_ and run"+
				" `cloudpay orders migrate`",
				"请从备份恢复；若数据库中没有订单，可删除其余 cloudpay_ 开头的表并运行 `cloudpay orders migrate`")))
	}
	for _, index := range e.invalidIndexes(ctx) {
		findings = append(findings, f.fault(
			bilingual.Sprintf("the index %s was not built to its end, and no query uses it", "索引 %s 未构建完成，查询不会使用它", index),
			bilingual.Sprintf("REINDEX INDEX CONCURRENTLY %s", "请执行 REINDEX INDEX CONCURRENTLY %s", index)))
	}
	// The user may have no right to read it, and programs that made the tables otherwise have none.
	var recorded int
	err := e.database.open.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM cloudpay_migrations").Scan(&recorded)
	if err == nil && recorded != c.Version {
		findings = append(findings, f.fault(
			bilingual.Sprintf("a migration ended half-way: its record is at step %d, and the schema at step %d", "升级中断：记录为步骤 %d，结构为步骤 %d",
				recorded, c.Version),
			bilingual.New("run `cloudpay orders migrate`; if it fails, restore the backup that was made before and run it again",
				"请运行 `cloudpay orders migrate`；若失败，请恢复升级前的备份后再运行")))
	}
	return findings
}

// missingTables are those of the store's tables that the user does not see.
func (e *examination) missingTables(ctx context.Context) []string {
	query := map[string]string{
		"postgres": "SELECT name FROM unnest(string_to_array('%s', ',')) AS name WHERE to_regclass(name) IS NULL",
		// Every user sees the tables on which it has any right.
		"mysql": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND FIND_IN_SET(table_name, '%s')",
	}[e.database.kind]
	found, err := e.column(ctx, fmt.Sprintf(query, strings.Join(tables, ",")))
	if err != nil || e.database.kind == "postgres" {
		return found
	}
	return slices.DeleteFunc(slices.Clone(tables), func(name string) bool { return slices.Contains(found, name) })
}

// invalidIndexes are those that PostgreSQL has begun to build beside running functions, and not
// completed.
func (e *examination) invalidIndexes(ctx context.Context) []string {
	if e.database.kind != "postgres" {
		return nil
	}
	found, err := e.column(ctx, "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"+
		" WHERE NOT i.indisvalid AND c.relname LIKE 'cloudpay\\_%' ORDER BY 1")
	if err != nil {
		return nil
	}
	return found
}

// hiddenTables has a finding for tables that exist in a schema that PostgreSQL does not search for
// this user.
func (e *examination) hiddenTables(ctx context.Context, f Finding) []Finding {
	if e.database.open == nil || e.database.kind != "postgres" {
		return nil
	}
	found, err := e.column(ctx, "SELECT quote_ident(n.nspname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"+
		" WHERE c.relname = 'cloudpay_schema' AND c.relkind = 'r' AND to_regclass('cloudpay_schema') IS NULL ORDER BY 1")
	if err != nil || len(found) == 0 {
		return nil
	}
	return []Finding{f.fault(
		bilingual.Sprintf("its tables are in the schema %s, which this user does not see", "表位于模式 %s 中，而该用户看不到它", clip(found[0])),
		bilingual.Sprintf("GRANT USAGE ON SCHEMA %s TO it, or name the schema: CLOUDPAY_STORE=postgres://…?search_path=%s",
			"请执行 GRANT USAGE ON SCHEMA %s TO 该用户，或指定模式：CLOUDPAY_STORE=postgres://…?search_path=%s", clip(found[0]), clip(found[0])))}
}

// maxRows limits what is read of an answer: far more than the store has tables and indexes.
const maxRows = 100

// column returns the first column of a query's rows.
func (e *examination) column(ctx context.Context, query string) ([]string, error) {
	rows, err := e.database.open.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err has its error
	var values []string
	for len(values) < maxRows && rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, fmt.Errorf("reading the schema: %w", err)
		}
		values = append(values, value)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	return values, nil
}

// unread is the finding of a check that could not read the database. It is a fault if that lasts
// until an operator acts: a wrong password, missing tables. Otherwise it is a warning, since a
// database is often in reach of the functions' network only.
func (f Finding) unread(err error) Finding {
	if schedule.Lasting(err) {
		return f.fault(bilingual.New("cannot be read", "无法读取"), bilingual.Wording(err))
	}
	return f.warning(bilingual.Sprintf("out of reach from here: %s", "从此处无法访问：%s", bilingual.Wording(err)),
		bilingual.New("run doctor where the functions run, or start the database", "请在云函数所在网络运行 doctor，或启动数据库"))
}
