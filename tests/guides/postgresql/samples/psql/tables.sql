-- step-1
SELECT current_database(), current_user;

-- step-2
CREATE TABLE shops (town text PRIMARY KEY, cheeses integer);

-- step-3
INSERT INTO shops VALUES ('Bern', 10), ('Chur', 4);

-- step-4
SELECT * FROM shops ORDER BY town;

-- step-5
BEGIN;
UPDATE shops SET cheeses = cheeses - 3 WHERE town = 'Bern';
UPDATE shops SET cheeses = cheeses + 3 WHERE town = 'Chur';
COMMIT;

-- step-6
