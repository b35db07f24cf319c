package main

import (
	"regexp"
	"strings"
)

// sqlChange is a change of a text of SQL.
type sqlChange struct {
	start, end    int
	text          string
	before, after string
}

var sqlStart = regexp.MustCompile("(?i)^`\\s*(with|select|insert|update|delete|for update|where)\\b")

func isSQL(literal string) bool { return sqlStart.MatchString(literal) }

// replacement is a rule by which a match becomes a text.
type replacement struct {
	pattern *regexp.Regexp
	text    string
}

var sqlReplacements = []replacement{
	{regexp.MustCompile(` < `), " <= "},
	{regexp.MustCompile(` > `), " >= "},
	{regexp.MustCompile(` <= `), " < "},
	{regexp.MustCompile(` >= `), " > "},
	{regexp.MustCompile(` \+ `), " - "},
	{regexp.MustCompile(` - `), " + "},
	{regexp.MustCompile(`\bis distinct from\b`), "is not distinct from"},
	{regexp.MustCompile(`\bunion all\b`), "union"},
	{regexp.MustCompile(`\bleft join\b`), "join"},
	{regexp.MustCompile(`\bdistinct on\b`), "on"},
	{regexp.MustCompile(`\bselect distinct\b`), "select"},
	{regexp.MustCompile(`\bnot exists\b`), "exists"},
	{regexp.MustCompile(`\bon conflict do nothing\b`), ""},
	{regexp.MustCompile(`\bdesc\b`), "asc"},
	{regexp.MustCompile(`\bfor update\b`), ""},
	{regexp.MustCompile(`\band not\b`), "and"},
	{regexp.MustCompile(`\bmin\(`), "max("},
	{regexp.MustCompile(`\bmax\(`), "min("},
}

var (
	sqlOrder      = regexp.MustCompile(`(?s)\s*\border by [^()]*?(?:\)|\n| limit|` + "`" + `|$)`)
	sqlConjunct   = regexp.MustCompile(`\b(where|and|on)\s`)
	sqlAssignment = regexp.MustCompile(`(?s)\b([a-z_]+) = ([a-z0-9_.$]+(?: \+ [a-z0-9_.]+)?)([,\n])`)
	sqlSetClause  = regexp.MustCompile(
		`(?s)\b(?:do update|update [a-z_.]+(?: [a-z]+)?)\s+set\s(.*?)(?:\n\s*from|\bwhere\b|` + "`" + `)`)
	sqlNeighbours = regexp.MustCompile(`\b((?:[a-z]+\.)?[a-z_]+), ((?:[a-z]+\.)?[a-z_]+)\b`)
)

// mutateSQL returns the changes of a literal. Parameters stay mentioned, so that the server knows their types: a
// statement that it cannot prepare would be a defect that any test notices.
func mutateSQL(sql string) (changes []sqlChange) {
	named := func(start, end int, text, before, after string) {
		changes = append(changes, sqlChange{start, end, text, before, after})
	}
	add := func(start, end int, text string) {
		from, to := max(0, start-20), min(len(sql), end+20)
		named(start, end, text, sql[from:to], sql[from:start]+text+sql[end:to])
	}
	for _, r := range sqlReplacements {
		for _, at := range r.pattern.FindAllStringIndex(sql, -1) {
			add(at[0], at[1], r.text)
		}
	}

	for _, at := range sqlOrder.FindAllStringIndex(sql, -1) {
		end := at[1]
		for _, tail := range []string{")", "\n", " limit", "`"} {
			if strings.HasSuffix(sql[at[0]:end], tail) {
				end -= len(tail)
				break
			}
		}
		named(at[0], end, "", sql[at[0]:end], "nothing")
	}

	for _, at := range sqlConjunct.FindAllStringIndex(sql, -1) {
		start, end := at[1], conjunctEnd(sql, at[1])
		if end > start && !strings.HasPrefix(sql[start:end], "conflict") {
			named(start, end, "("+sql[start:end]+" or true)", sql[start:end], "true")
		}
	}

	for _, clause := range sqlSetClause.FindAllStringSubmatchIndex(sql, -1) {
		from := clause[2]
		for _, at := range sqlAssignment.FindAllStringSubmatchIndex(sql[from:clause[3]]+"\n", -1) {
			column := sql[from+at[2] : from+at[3]]
			value := sql[from+at[4] : from+at[5]]
			if strings.HasPrefix(value, "$") {
				add(from+at[4], from+at[5], "coalesce("+column+", "+value+")")
			} else {
				add(from+at[4], from+at[5], ownColumn(sql[:from], column))
			}
		}
	}

	for _, at := range sqlNeighbours.FindAllStringSubmatchIndex(sql, -1) {
		a, b := sql[at[2]:at[3]], sql[at[4]:at[5]]
		if strings.Contains(a, ".") == strings.Contains(b, ".") && strings.Contains(a, ".") {
			add(at[2], at[5], b+", "+a)
		}
	}

	return changes
}

var sqlAlias = regexp.MustCompile(`\b(?:update [a-z_.]+|insert into [a-z_.]+ as) ([a-z])\b`)

// ownColumn returns the column of the row that is updated, with the alias that its table has in the text before.
func ownColumn(before, column string) string {
	if found := sqlAlias.FindAllStringSubmatch(before, -1); len(found) > 0 {
		return found[len(found)-1][1] + "." + column
	}
	return column
}

// conjunctEnd returns where the condition that begins at start ends.
func conjunctEnd(sql string, start int) int {
	depth := 0

	for i := start; i < len(sql); i++ {
		switch c := sql[i]; {
		case c == '(':
			depth++
		case c == ')':
			if depth == 0 {
				return i
			}
			depth--
		case c == '`':
			return i
		case depth > 0:
		case c == '\n' || c == ' ':
			rest := strings.TrimLeft(sql[i:], " \n")
			for _, next := range []string{
				"and ", "or ", "order by", "group by", "for update", "returning", "limit",
				"on conflict", "where", "union", "left join", "join", "`", ")",
			} {
				if strings.HasPrefix(rest, next) {
					return i
				}
			}
		}
	}

	return len(sql)
}
