package monitor

// sqlDashboard lists users of the dashboard who would see an account that somebody else may create later, and sessions
// that last longer than those that the dashboard begins.
const sqlDashboard = `
select 'user ' || quote_ident(u.name), 'may see account ' || quote_ident(a) || ', which does not exist'
  from dashboard.users u
 cross join unnest(u.accounts) a
 where not exists (select from execution.accounts x where x.account_id = a)
 union all
select 'user ' || quote_ident(s.user_name), 'has a session until ' || to_char(s.expires_at at time zone 'UTC', 'YYYY-MM-DD')
  from dashboard.sessions s
 where s.expires_at > now() + interval '1 day'
 order by 1, 2`

func dashboardUsers(Thresholds) Check {
	return catalogCheck{
		name: "security_dashboard", severity: Warning, sql: sqlDashboard,
		message: "it {detail}",
		remedy: "blotter users list; then blotter users add again with the accounts that are meant, which ends the " +
			"sessions, or blotter users remove",
	}.check()
}
