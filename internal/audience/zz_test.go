package audience
import ("testing";"database/sql";"fmt";_ "modernc.org/sqlite")
func TestZZ(t *testing.T){
 db,_:=sql.Open("sqlite","/tmp/x/e/b.db")
 var v string; db.QueryRow("select sqlite_version()").Scan(&v); fmt.Println(v)
 base:="WITH x AS MATERIALIZED (SELECT r.value ->> 0 AS id, r.value ->> 1 AS customer_id, r.value ->> 2 AS as_of, r.value ->> 3 AS anchor_at FROM json_each('[[1,5,1795374650935289,880225850935137]]') r) SELECT x.id, (SELECT %s FROM events k WHERE k.customer_id = x.customer_id AND k.occurred_at <= x.as_of AND k.known_at <= x.as_of AND k.name IN ('Order Completed') AND k.occurred_at > x.anchor_at AND (1 = 1)) FROM x"
 for _,e:=range []string{"min(k.occurred_at)","min(+k.occurred_at)","count(*)","1","sum(k.id)"} {
  rows,err:=db.Query("EXPLAIN QUERY PLAN "+fmt.Sprintf(base,e)); if err!=nil {t.Fatal(err)}
  for rows.Next(){var x,y,z int; var d string; rows.Scan(&x,&y,&z,&d); if y>3 {fmt.Println(e,d)}}
 }
}
