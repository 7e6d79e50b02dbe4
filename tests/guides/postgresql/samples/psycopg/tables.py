# step-1
import psycopg

# connect() reads the PG* variables. Each statement is committed at once.
db = psycopg.connect(autocommit=True)
print(f"Connected to {db.info.dbname} as {db.info.user}")

# step-2
db.execute("CREATE TABLE shops (town text PRIMARY KEY, cheeses integer)")
print("Created shops")

# step-3
shops = [("Bern", 10), ("Chur", 4)]
with db.cursor() as cursor:
    cursor.executemany("INSERT INTO shops VALUES (%s, %s)", shops)
    print(f"Inserted {cursor.rowcount} rows")

# step-4
for town, cheeses in db.execute("SELECT * FROM shops ORDER BY town"):
    print(f"{town}: {cheeses} cheeses")

# step-5
move = "UPDATE shops SET cheeses = cheeses + %s WHERE town = %s"
with db.transaction():
    db.execute(move, (-3, "Bern"))
    db.execute(move, (3, "Chur"))
print("Moved 3 cheeses from Bern to Chur")
db.close()

# step-6
